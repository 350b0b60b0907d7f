"""Stories that say texts instead of intents and actions: trained, evaluated, and talked to."""

from __future__ import annotations

import io
import json

import pytest
import tensorflow as tf
from dialogue_project import BY_HEART, add_dialogues

from data_pipeline.dialogue_graph.turns import Turn, request_of

CITIES = ("Rome", "Oslo", "Lima", "Bern")
STORY = """
- story: to {city}
  steps:
  - user: hello there
  - bot: Good morning
  - user: "please fly to [{city}](city)"
  - action: action_search
  - user: that is all
  - action: utter_bye
"""


@pytest.fixture(scope="module")
def told():
    return 'version: "3.1"\nstories:' + "".join(STORY.format(city=city) for city in CITIES)


@pytest.fixture(scope="module")
def run(tmp_path_factory, make_project, command, told):
    """A run directory of TED alone, which has learnt its stories by heart."""
    directory = tmp_path_factory.mktemp("end_to_end")
    project = add_dialogues(make_project(directory / "tiny"), BY_HEART)
    (project / "data" / "stories.yml").write_text(told, encoding="utf-8")
    result = command(
        *("--project", project, "--model", "ted", "--run-dir", directory / "run"),
        *("--set", "augmentation_factor=0"),
    )
    assert result.code == 0, result.err
    return directory / "run"


def test_texts_that_were_learnt_are_answered_rightly(run, command, told, tmp_path):
    (tmp_path / "stories.yml").write_text(told, encoding="utf-8")
    result = command(
        *("evaluate", run, "--stories", tmp_path / "stories.yml"),
        *("--json", tmp_path / "figures.json"),
    )
    assert result.code == 0, result.err
    figures = json.loads((tmp_path / "figures.json").read_text())
    # Five seeds, with and without oneDNN: all 1; the right action leads by 0.92 or more.
    assert figures["action"] == {"accuracy": 1, "weighted_f1": 1, "macro_f1": 1, "actions": 24}
    assert figures["dialogue"] == {"accuracy": 1, "dialogues": 4}


@pytest.mark.shows("ted.split_entities_by_comma")
def test_entities_of_a_typed_text_are_found_and_fill_their_slot(run, command, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("hello there\nplease fly to Oslo\nthat is all\n"))
    result = command("predict", run, "--dialogue")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    # Five seeds, with and without oneDNN: always found; the city of a begun story has 0.99.
    assert "found: city='Oslo'" in lines
    answers = [line.split()[1] for line in lines if line.startswith("bot:")]
    assert answers[0] == "Good" and "action_search" in answers and "utter_bye" in answers
    states = [json.loads(line[7:]) for line in lines if line.startswith("state")]
    assert states[1]["text"] == "please fly to Oslo"
    assert "slots" not in states[1] and states[2]["slots"]


def test_a_begun_story_shows_what_is_found_in_its_last_text(run, command, told, tmp_path):
    begun = told.split("  - action: action_search")[0]
    (tmp_path / "begun.yml").write_text(begun, encoding="utf-8")
    result = command("predict", run, "--stories", tmp_path / "begun.yml")
    assert result.code == 0, result.err
    (answer,) = map(json.loads, result.out.splitlines())
    assert [(e["entity"], e["value"]) for e in answer["entities"]] == [("city", "Rome")]
    assert answer["entities"][0]["extractor"] == "TEDPolicy"
    assert answer["actions"][0]["name"] == "action_search"


@pytest.mark.slow
def test_the_saved_model_takes_texts_of_dialogues(run, command, tmp_path):
    result = command("export", run, "--out", tmp_path)
    assert result.code == 0, result.err
    next_action = tf.saved_model.load(str(tmp_path / "1")).signatures["next_action"]
    said = Turn("action_listen", text="hello there")
    asked = Turn("action_listen", text="please fly to Oslo")
    dialogues = [[Turn(), said], [Turn(), said, Turn("Good morning", text="hello there"), asked]]
    answer = next_action(**{k: tf.constant(v) for k, v in request_of(dialogues).items()})
    assert answer["action_names"][:, 0].numpy().tolist() == [b"Good morning", b"action_search"]
    assert answer["by_text"].numpy().tolist() == [True, True]  # its stories have no intents
    # No text in any turn, no turns, no dialogues.
    for dialogues in ([[Turn("action_listen")]], [[]], []):
        answer = next_action(**{k: tf.constant(v) for k, v in request_of(dialogues).items()})
        assert len(answer["action_names"]) == len(dialogues)

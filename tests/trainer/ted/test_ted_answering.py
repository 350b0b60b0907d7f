"""What a trained TED is worth and says: `evaluate --stories`, `predict`, `export`."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from dialogue_project import BY_HEART, add_dialogues, stories

from data_pipeline.dialogue.domain.events import (
    LISTEN,
    ActionExecuted,
    SlotSet,
    StoryEntity,
    UserUttered,
)
from trainer.ted.trained import TrainedTED

TEST_STORIES = """
version: "3.1"
stories:
- story: learnt
  steps:
  - intent: greet
  - action: utter_hello
  - intent: fly
    entities:
    - city: Rome
  - action: action_search
- story: not learnt
  steps:
  - intent: greet
  - action: action_dance
  - intent: bye
  - action: utter_bye
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory, make_project, command):
    """A run directory of both models; TED has learnt its stories by heart."""
    directory = tmp_path_factory.mktemp("answering")
    project = add_dialogues(make_project(directory / "tiny"), BY_HEART)
    result = command(
        *("--project", project, "--run-dir", directory / "run"),
        *("--set", "augmentation_factor=0"),
        *("--set", "diet.epochs=20", "--set", "diet.connection_density=1.0"),
    )
    assert result.code == 0, result.err
    return directory / "run"


@pytest.fixture
def told(tmp_path):
    path = tmp_path / "test_stories.yml"
    path.write_text(TEST_STORIES, encoding="utf-8")
    return path


@pytest.fixture
def policy(run):
    """`policy(**options)`: the trained one, as if it had been trained with these options."""
    trained = TrainedTED.load(run)

    def changed(**options) -> TrainedTED:
        options = replace(trained.config.ted, **options)
        return replace(trained, config=replace(trained.config, ted=options))

    return changed


@pytest.mark.shows("ted.ranking_length", "ted.renormalize_confidences")
def test_the_ranking_is_cut_and_can_be_made_to_sum_to_one(policy):
    events = [LISTEN, UserUttered("greet")]
    whole = policy().next_action(events)
    assert len(whole) == len(policy().featurizer.domain.actions)
    cut = policy(ranking_length=2).next_action(events)
    assert cut == whole[:2]
    made_one = policy(ranking_length=2, renormalize_confidences=True).next_action(events)
    assert [action["name"] for action in made_one] == [action["name"] for action in cut]
    assert sum(action["confidence"] for action in made_one) == pytest.approx(1)


@pytest.mark.shows("ted.e2e_confidence_threshold")
@pytest.mark.parametrize("threshold, similarity, wins", [(0.5, 3, 1), (0.8, 3, 0), (0.5, 1, 0)])
def test_the_answer_to_a_text_wins_if_it_is_sure_and_more_similar(
    policy, monkeypatch, threshold, similarity, wins
):
    scores = {
        "intent": (np.array([[0.9, 0.1]]), np.array([[2.0, 0.0]])),
        "text": (np.array([[0.3, 0.7]]), np.array([[0.0, similarity]])),
    }
    monkeypatch.setattr(TrainedTED, "_scores", lambda self, store: scores[store])
    answered = policy(e2e_confidence_threshold=threshold)._confidences("intent", "text")
    assert np.argmax(answered[0]) == wins


def test_stories_that_were_learnt_are_right(run, command, tmp_path):
    (tmp_path / "stories.yml").write_text(stories(), encoding="utf-8")
    result = command(
        *("evaluate", run, "--stories", tmp_path / "stories.yml"),
        *("--json", tmp_path / "figures.json"),
    )
    assert result.code == 0, result.err
    figures = json.loads((tmp_path / "figures.json").read_text())
    # 6 long dialogues of 11 actions after the first, 3 short ones of 2
    assert figures["action"]["actions"] == 6 * 8 + 3 * 2
    assert figures["dialogue"]["dialogues"] == 9
    # Five seeds, with and without oneDNN: all 1.0; the right action leads by 0.98 or more.
    assert figures["action"]["accuracy"] > 0.9
    assert figures["checkpoint_step"] == TrainedTED.load(run).step


def test_mistakes_are_counted_and_shown_in_context(run, command, told, tmp_path):
    result = command(
        *("evaluate", run / "ted", "--stories", told, "--json", tmp_path / "figures.json"),
        *("--failures", tmp_path / "failures.txt"),
    )
    assert "does not know what the stories name: action 'action_dance'" in result.err
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["action"]["actions"] == 8
    assert figures["dialogue"] == {"accuracy": 0.5, "dialogues": 2}
    assert figures["action"]["accuracy"] <= 7 / 8
    assert {"action": "action_dance", "answer": "utter_hello", "count": 1} in figures["confusions"]
    assert "action_dance, answered utter_hello" in result.out
    failures = (tmp_path / "failures.txt").read_text()
    assert failures.startswith("not learnt\n") and "  > bot:  action_dance" in failures


def test_a_story_is_continued_until_the_bot_listens(run, command, tmp_path):
    begun = tmp_path / "begun.yml"
    begun.write_text(TEST_STORIES.split("  - action: action_search")[0], encoding="utf-8")
    result = command("predict", run, "--stories", begun)
    assert result.code == 0, result.err
    (answer,) = map(json.loads, result.out.splitlines())
    assert answer["story"] == "learnt"
    assert answer["state"]["intent"] == "fly" and answer["state"]["entities"] == ["city"]
    names = [action["name"] for action in answer["actions"]]
    assert names[0] == "action_search" and names[-1] == "action_listen"
    ranking = answer["actions"][0]["ranking"]
    assert sum(action["confidence"] for action in ranking) == pytest.approx(1, abs=1e-5)
    assert ranking == sorted(ranking, key=lambda action: -action["confidence"])


def test_a_dialogue_can_be_typed(run, command, monkeypatch):
    typed = 'hello there\ncity=Oslo\n- action_nothing\n/fly{"city": "Rome"}\n- action_book\n\n'
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    result = command("predict", run, "--dialogue")
    assert result.code == 0, result.err
    states = [json.loads(line[7:]) for line in result.out.splitlines() if line.startswith("state")]
    assert len(states) == 4
    # By the DIET beside it. Five seeds, with and without oneDNN: `greet` leads by 0.98 or more.
    assert states[0]["intent"] == "greet"
    assert "There is no action 'action_nothing'." in result.out
    assert states[2]["intent"] == "fly" and states[2]["slots"] != states[1]["slots"]
    assert states[3]["action_name"] == "action_book"


@pytest.fixture
def begun(run, command, tmp_path):
    """TED after one epoch: its similarities are small, and so is what rounding makes of them."""
    result = command(
        *("--project", run.parent / "tiny", "--model", "ted", "--run-dir", tmp_path / "run"),
        *("--set", "augmentation_factor=0", "--epochs", 1),
    )
    assert result.code == 0, result.err
    return tmp_path / "run"


def test_the_saved_model_answers_the_same(begun, command, tmp_path):
    result = command("export", begun, "--out", tmp_path / "saved", "--no-verify")
    assert result.code == 0, result.err
    assert (tmp_path / "saved" / "1" / "assets.extra" / "dialogue.json").is_file()
    policy = TrainedTED.load(begun)
    serve = tf.saved_model.load(str(tmp_path / "saved" / "1")).signatures["features"]
    specs = policy.model.input_signature()
    batch = {
        "dialogue_lengths": tf.constant([2, 1]),
        "intent_turns": tf.constant([1], tf.int64),
        "intent_indices": tf.constant([[0, 0]], tf.int64),
        "intent_values": tf.constant([1.0]),
    }
    for key, spec in specs.items():
        shape = [0 if size is None else size for size in spec.shape]
        batch.setdefault(key, tf.zeros(shape, spec.dtype))
    served, expected = serve(**batch), policy.model(batch)
    assert served.keys() == expected.keys()
    # Five seeds, with and without oneDNN: at most 1.4e-7.
    for name, value in expected.items():
        np.testing.assert_allclose(served[name], value, atol=1e-6)


@pytest.mark.slow
def test_the_saved_model_takes_dialogues_turn_by_turn(run, command, tmp_path):
    """The command has compared it with the checkpoint; here it is asked as a client would."""
    result = command("export", run / "ted", "--out", tmp_path)
    assert result.code == 0, result.err
    card = json.loads((tmp_path / "1" / "assets.extra" / "model_card.json").read_text())
    assert card["verified"]["compared"] == {"dialogues made up from the domain": 64}
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    assert set(loaded.signatures) == {"features", "next_action", "serving_default"}
    # A dialogue begins with the turn before its first action, when nothing has happened.
    answer = loaded.signatures["next_action"](
        turn_counts=tf.constant([2, 3]),
        previous_actions=tf.constant(
            [["", "action_listen", ""], ["", "action_listen", "action_search"]]
        ),
        intents=tf.constant([["", "greet", ""], ["", "fly", "fly"]]),
        texts=tf.constant([[""] * 3] * 2),
        active_loops=tf.constant([[""] * 3] * 2),
        entities=tf.constant([[[""]] * 3, [[""], ["city"], ["city"]]]),
        slot_names=tf.constant([[[""]] * 3, [[""], ["city"], ["city"]]]),
        slot_values=tf.constant([[[""]] * 3, [[""], ["Rome"], ["Rome"]]]),
    )
    policy = TrainedTED.load(run)
    fly = UserUttered("fly", None, (StoryEntity("city", "Rome"),))
    dialogues = [
        [LISTEN, UserUttered("greet")],
        [LISTEN, SlotSet("city", "Rome"), fly, ActionExecuted("action_search")],
    ]
    for row, events in enumerate(dialogues):
        expected = policy.next_action(events)
        names = [name.decode() for name in answer["action_names"][row].numpy()]
        assert names[0] == expected[0]["name"] and len(names) == len(expected)
        sure = [action["confidence"] for action in expected]
        np.testing.assert_allclose(answer["action_confidences"][row], sure, atol=1e-5)
    assert answer["by_text"].numpy().tolist() == [False, False]  # it knows no texts


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("evaluate", "RUN"), "either --nlu PATH (test messages) or --stories PATH"),
        (("evaluate", "RUN/ted", "--nlu", "x.yml"), "is a run of TED"),
        (("predict", "RUN/checkpoints", "--dialogue"), "is not a run directory"),
        (("evaluate", "RUN", "--stories", "none.yml"), "none.yml: no such file"),
    ],
)
def test_questions_to_the_wrong_model_are_refused(run, command, arguments, words):
    line = command(*(argument.replace("RUN", str(run)) for argument in arguments)).line
    assert words in line

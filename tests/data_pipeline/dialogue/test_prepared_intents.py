"""Examples of intents on disk and in batches: nothing is lost, and damage is noticed.

That states, order and intents are Rasa's is shown by the goldens (`test_golden_dialogues.py`).
"""

import json
from pathlib import Path

import numpy as np
import pytest

from data_pipeline.batches.plans import PADDING
from data_pipeline.dialogue.domain.domain_files import read_domain
from data_pipeline.dialogue.domain.events import LISTEN, ActionExecuted, SlotSet, UserUttered
from data_pipeline.dialogue.intents.intent_questions import said_last, user_steps_of
from data_pipeline.dialogue.intents.prepared_intents import (
    any_can_be_learnt_from,
    open_intents,
    origin_of_intents,
    prepare_intents,
)
from data_pipeline.dialogue.prepare_dialogues import DialogueSettings, DialogueSources
from data_pipeline.errors import InputError

GOLDENS = json.loads(
    (Path(__file__).parents[2] / "golden" / "dialogues.json").read_text(encoding="utf-8")
)
DOMAIN = """
version: "3.1"
intents: [ask, go, stop]
actions: [answer, move]
"""
STORIES = """
version: "3.1"
stories:
- story: one
  steps: [{intent: ask}, {action: answer}, {intent: go}, {action: move}]
- story: other
  steps: [{intent: ask}, {action: answer}, {intent: stop}]
"""
SETTINGS = DialogueSettings(augmentation_factor=0)


@pytest.fixture
def sources(written):
    """Writes a domain and stories; returns where they are."""

    def write(stories: str = STORIES, domain: str = DOMAIN) -> DialogueSources:
        return DialogueSources(
            (written("project/domain.yml", domain),), (written("project/stories.yml", stories),)
        )

    return write


def test_an_example_has_all_intents_that_stories_go_on_with(sources, tmp_path):
    prepared = prepare_intents(sources(), SETTINGS, tmp_path / "prepared")
    ids = {name: number for number, name in enumerate(prepared.featurizer.domain.intents)}
    assert len(prepared.store) == 2
    assert prepared.store.intent_ids.tolist() == [[ids["ask"], -1], [ids["go"], ids["stop"]]]
    # In Rasa, too, batches are not balanced once an example has several.
    assert prepared.store.labels.tolist() == [0, 0]


def test_batches_are_balanced_by_intent_where_each_example_has_one(sources, tmp_path):
    one = STORIES.partition("- story: other")[0]
    store = prepare_intents(sources(one), SETTINGS, tmp_path / "prepared").store
    assert store.labels.tolist() == store.intent_ids[:, 0].tolist() and len(set(store.labels)) == 2


@pytest.mark.parametrize("name", sorted(GOLDENS))
def test_what_is_read_back_is_what_was_prepared(written, tmp_path, name):
    given = GOLDENS[name]["given"]
    domain = written("project/domain.yml", given["domain"])
    stories = written("project/stories.yml", given["stories"])
    sources = DialogueSources((domain,), (stories,))
    settings = DialogueSettings(
        max_history=given.get("max_history"),
        augmentation_factor=given.get("augmentation_factor", 0),
    )
    expected = GOLDENS[name]["rasa"]["intent_examples"]
    if not expected or not any_can_be_learnt_from(sources):
        assert not expected
        return
    try:
        prepared = prepare_intents(sources, settings, tmp_path / "prepared")
    except InputError as error:
        assert "need a 'pipeline:'" in str(error)  # other stories of it are end to end
        return
    store = prepared.store
    intents = prepared.featurizer.domain.intents
    assert [[intents[i] for i in sorted(ids) if i >= 0] for ids in store.intent_ids] == [
        sorted(example["intents"], key=intents.index) for example in expected
    ]
    assert store.dialogues.lengths.tolist() == [len(example["states"]) for example in expected]
    again = prepare_intents(sources, settings, tmp_path / "prepared")
    assert again.fingerprint == prepared.fingerprint
    assert again.fingerprint == origin_of_intents(sources, settings, None).fingerprint
    everything = np.arange(len(store))
    keys = ("intent_ids", "dialogue_lengths", "action_name_indices")
    for key, value in again.store.batch(everything, everything, keys).items():
        np.testing.assert_array_equal(value, store.batch(everything, everything, keys)[key])


def test_rows_that_only_fill_a_batch_have_no_intents(sources, tmp_path):
    store = prepare_intents(sources(), SETTINGS, tmp_path / "prepared").store
    batch = store.batch(np.array([1, PADDING]), np.array([1]), ())
    assert batch["intent_ids"][1].tolist() == [-1, -1]
    assert batch["example_weights"].tolist() == [1, 0]


def test_damage_and_other_places_are_noticed(sources, tmp_path):
    directory = tmp_path / "prepared"
    prepare_intents(sources(), SETTINGS, directory)
    intents = directory / "intents.npy"
    intents.write_bytes(intents.read_bytes()[:-1] + b"\x09")
    with pytest.raises(InputError, match=r"intents\.npy"):
        open_intents(directory)
    with pytest.raises(InputError, match="holds no prepared intents"):
        open_intents(tmp_path / "nothing")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(InputError, match="exists and holds no prepared intents"):
        prepare_intents(sources(), SETTINGS, tmp_path / "other")


def test_stories_by_texts_alone_cannot_be_learnt_from(sources, tmp_path):
    by_text = sources(STORIES.replace("{intent: ask}", "{user: what}"))
    assert not any_can_be_learnt_from(by_text)
    with pytest.raises(InputError, match="no story in which all is said by intents"):
        prepare_intents(by_text, SETTINGS, tmp_path / "prepared")
    assert any_can_be_learnt_from(sources(STORIES.replace("{intent: stop}", "{user: stop}")))


def test_an_intent_that_the_domain_lacks_is_named_with_its_place(sources, tmp_path):
    lacking = sources(STORIES.replace("intent: stop", "intent: halt"))
    with pytest.raises(InputError, match=r"'halt', first at .*stories\.yml:\d+ in 'other'"):
        prepare_intents(lacking, SETTINGS, tmp_path / "prepared")


def test_questions_are_about_what_was_said_before_what_is_asked_about(sources, tmp_path):
    featurizer = prepare_intents(sources(), SETTINGS, tmp_path / "prepared").featurizer
    ask, go, unknown = (UserUttered(name) for name in ("ask", "go", "dance"))
    answer, slot = ActionExecuted("answer"), SlotSet("x", 1)
    events = [LISTEN, ask, slot, answer, LISTEN, unknown, answer, LISTEN, go]
    steps, store = user_steps_of(featurizer, [events, [LISTEN, go]], max_history=3)
    assert [(step.dialogue, step.position, step.intent) for step in steps] == [
        (0, 1, "ask"),
        (0, 8, "go"),
        (1, 1, "go"),
    ]
    assert store.lengths.tolist() == [1, 3, 1]
    assert said_last(events, featurizer) == "go"
    assert said_last([*events, slot], featurizer) == "go"
    for asks_nothing in ([], [LISTEN], events[:4], events[:6]):
        assert said_last(asks_nothing, featurizer) is None


def test_the_domain_of_the_goldens_has_rasas_own_intents(written):
    domain = read_domain((written("domain.yml", DOMAIN),), ())
    assert {"ask", "restart", "session_start"} <= set(domain.intents)

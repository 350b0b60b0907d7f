"""Dialogues on disk and in batches: nothing is lost, and damage is noticed."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_pipeline.batches.dataset import make_dataset
from data_pipeline.batches.plans import in_order_plan
from data_pipeline.dialogue.dialogue_batches import (
    assemble_dialogues,
    text_positions,
)
from data_pipeline.dialogue.domain.domain_files import read_domain
from data_pipeline.dialogue.domain.events import LISTEN, UserUttered
from data_pipeline.dialogue.predictions import next_questions, questions_of
from data_pipeline.dialogue.prepare_dialogues import (
    DialogueSettings,
    DialogueSources,
    prepare_dialogues,
)
from data_pipeline.dialogue.prepared_dialogues import open_dialogues
from data_pipeline.dialogue.stories.story_files import read_stories
from data_pipeline.dialogue.trackers.states import StateTable
from data_pipeline.dialogue.trackers.tracker_generator import training_trackers
from data_pipeline.errors import InputError
from data_pipeline.messages.feature_settings import FeatureSettings

GOLDENS = json.loads(
    (Path(__file__).parents[2] / "golden" / "dialogues.json").read_text(encoding="utf-8")
)
DOMAIN_ATTRIBUTES = ("intent", "action_name", "entities", "slots", "active_loop")
PIPELINE = [
    {"name": "WhitespaceTokenizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer"},
]


@pytest.fixture
def sources(written):
    """Writes the domain and stories of a golden; returns where they are."""

    def write(name: str) -> DialogueSources:
        given = GOLDENS[name]["given"]
        domain = written("project/domain.yml", given["domain"])
        return DialogueSources((domain,), (written("project/stories.yml", given["stories"]),))

    return write


def settings_of(name: str, **changes) -> DialogueSettings:
    given = GOLDENS[name]["given"]
    wanted = {
        "max_history": given.get("max_history"),
        "augmentation_factor": given.get("augmentation_factor", 0),
    }
    return DialogueSettings(**{**wanted, **changes})


def features_in(batch: dict, attribute: str, turns: int) -> list[dict | None]:
    """Per turn the (column -> value) of an attribute, None where it is absent."""
    found: list[dict | None] = [None] * turns
    for turn in batch[f"{attribute}_turns"]:
        found[turn] = {}
    entries = zip(batch[f"{attribute}_indices"], batch[f"{attribute}_values"], strict=True)
    for (row, column), value in entries:
        found[batch[f"{attribute}_turns"][row]][int(column)] = float(value)
    return found


@pytest.mark.parametrize("name", ["slots", "entities", "forms", "glued", "short_history"])
def test_a_batch_of_all_examples_holds_rasas_features_and_labels(sources, tmp_path, name):
    rasa = GOLDENS[name]["rasa"]
    store = prepare_dialogues(sources(name), settings_of(name), tmp_path / "out").store
    batch = assemble_dialogues(store, np.arange(len(store)), {})
    expected = [number for example in rasa["examples"] for number in example["states"]]
    assert batch["dialogue_lengths"].tolist() == [len(e["states"]) for e in rasa["examples"]]
    labels = [rasa["actions"][label] for label in batch["label_ids"]]
    assert labels == [example["label"] for example in rasa["examples"]]
    for attribute in DOMAIN_ATTRIBUTES:
        wanted = [rasa["features"][number].get(attribute) for number in expected]
        wanted = [None if pairs is None else {c: v for c, v in pairs} for pairs in wanted]
        if attribute in store.tables.attributes:
            assert features_in(batch, attribute, len(expected)) == wanted
        else:
            assert not any(wanted)


def test_a_row_that_only_fills_the_batch_has_one_turn_without_features(sources, tmp_path):
    store = prepare_dialogues(sources("slots"), settings_of("slots"), tmp_path / "out").store
    alone = assemble_dialogues(store, np.array([2]), {})
    padded = assemble_dialogues(store, np.array([2, -1, -1]), {})
    assert padded["dialogue_lengths"].tolist() == [*alone["dialogue_lengths"], 1, 1]
    assert padded["example_weights"].tolist() == [1, 0, 0]
    assert padded["label_ids"].tolist() == [*alone["label_ids"], 0, 0]
    for key in alone.keys() - {"dialogue_lengths", "example_weights", "label_ids"}:
        np.testing.assert_array_equal(padded[key], alone[key])
    only_padding = assemble_dialogues(store, np.array([-1]), {})
    assert only_padding["intent_indices"].shape == (0, 2)


def test_full_dialogues_are_one_example_each_without_an_unpredictable_beginning(sources, tmp_path):
    name = "alternatives"  # its first stories begin with an action
    made = prepare_dialogues(
        sources(name), settings_of(name, full_dialogues=True), tmp_path / "out"
    )
    assert len(made.store) == len(GOLDENS[name]["rasa"]["trackers"])
    batch = assemble_dialogues(made.store, np.arange(len(made.store)), {})
    turns = batch["dialogue_lengths"].sum()
    assert batch["label_ids"].shape == (turns,)
    assert (batch["label_ids"] >= 0).all()


def test_what_was_prepared_is_reused_until_something_changes(sources, tmp_path):
    where, out = sources("forms"), tmp_path / "out"
    first = prepare_dialogues(where, settings_of("forms"), out)
    written = (out / "header.json").stat().st_mtime_ns
    again = prepare_dialogues(where, settings_of("forms"), out)
    assert (out / "header.json").stat().st_mtime_ns == written
    assert again.featurizer == first.featurizer
    other = prepare_dialogues(where, settings_of("forms", max_history=2), out)
    assert other.fingerprint != first.fingerprint
    assert other.store.lengths.max() == 2


def test_a_damaged_file_is_named(sources, tmp_path):
    out = tmp_path / "out"
    prepare_dialogues(sources("forms"), settings_of("forms"), out)
    path = out / "shard-00000.turn_states.npy"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(InputError, match="turn_states.npy is truncated"):
        open_dialogues(out)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match="turn_states.npy was altered"):
        open_dialogues(out)
    path.unlink()
    with pytest.raises(InputError, match="turn_states.npy is missing"):
        open_dialogues(out)
    (out / "header.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="header.json is damaged"):
        open_dialogues(out)


def test_a_folder_that_is_something_else_is_left_alone(sources, tmp_path, written):
    kept = written("out/thesis.txt", "years of work")
    with pytest.raises(InputError, match="Choose another place"):
        prepare_dialogues(sources("forms"), settings_of("forms"), kept.parent)
    assert kept.read_text(encoding="utf-8") == "years of work"


def test_the_stream_of_batches_is_what_is_assembled(sources, tmp_path):
    tf = pytest.importorskip("tensorflow")
    store = prepare_dialogues(sources("forms"), settings_of("forms"), tmp_path / "out").store
    plan = in_order_plan(len(store), 5)
    example = assemble_dialogues(store, np.arange(5), {})
    signature = {
        key: tf.TensorSpec([None, *array.shape[1:]], array.dtype) for key, array in example.items()
    }
    context = tf.distribute.InputContext(1, 0, 2)
    batches = list(make_dataset(store, lambda _: plan, signature, context))
    assert len(batches) == 2 * plan.steps  # five rows for two replicas: three and two
    for number, rows in ((0, [0, 1, 2]), (1, [3, 4, -1])):
        for key, array in assemble_dialogues(store, np.array(rows), {}).items():
            np.testing.assert_array_equal(batches[number][key], array)


@pytest.mark.parametrize(
    ("name", "actions"),
    [("checkpoints", None), ("forms", {"utter_submit", "utter_sorry", "utter_hello"})],
)
def test_questions_are_asked_from_states_that_training_has_seen(sources, tmp_path, name, actions):
    where = sources(name)
    made = prepare_dialogues(where, settings_of(name), tmp_path / "out")
    data = read_stories(where.stories, read_domain(where.domain))
    trackers = training_trackers(data.steps, StateTable(data.domain), augmentation_factor=0)
    dialogues = [tracker.events for tracker in trackers]
    history = settings_of(name).max_history
    questions, asked = questions_of(made.featurizer, dialogues, history)
    seen = {answer(made.store, number) for number in range(len(made.store))}
    chosen = [n for n, q in enumerate(questions) if actions is None or q.action in actions]
    assert chosen and {answer(asked, number) for number in chosen} <= seen


def answer(store, number: int) -> str:
    """An example as text: features and label."""
    batch = assemble_dialogues(store, np.array([number]), {})
    return json.dumps({key: array.tolist() for key, array in sorted(batch.items())})


def test_what_follows_an_unfinished_dialogue_can_be_asked(sources, tmp_path):
    where = sources("slots")
    made = prepare_dialogues(where, settings_of("slots"), tmp_path / "out")
    data = read_stories(where.stories, read_domain(where.domain))
    events = data.steps[0].explicit_events(data.domain)
    batch = assemble_dialogues(next_questions(made.featurizer, [events[:2]], 10), np.array([0]), {})
    assert batch["dialogue_lengths"].tolist() == [2]
    assert batch["intent_turns"].tolist() == [1]


def test_texts_of_end_to_end_stories_come_as_rows_of_tokens_with_tags(sources, tmp_path):
    features = FeatureSettings(PIPELINE)
    out = tmp_path / "out"
    prepare_dialogues(sources("end_to_end"), settings_of("end_to_end"), out, text_features=features)
    made = open_dialogues(out)
    store, rasa = made.store, GOLDENS["end_to_end"]["rasa"]
    everything = np.arange(len(store))
    positions = text_positions(store.tables, store.take(everything).states)
    batch = assemble_dialogues(store, everything, positions)
    states = [rasa["states"][n] for example in rasa["examples"] for n in example["states"]]
    listening = [state.get("prev_action") == {"action_name": "action_listen"} for state in states]
    for attribute, part, wanted in (
        ("text", "user", listening),
        ("action_text", "prev_action", None),
    ):
        having = [attribute in state.get(part, {}) for state in states]
        having = np.logical_and(having, wanted) if wanted else having
        assert batch[f"{attribute}_turns"].tolist() == np.flatnonzero(having).tolist()
    spoken = [states[turn]["user"]["text"] for turn in batch["text_turns"]]
    words = [len(made.featurizer.texts.pipelines["text"].tokenizer.tokenize(t)) for t in spoken]
    assert batch["text_mask"].sum(axis=1).tolist() == words
    last = np.cumsum(batch["dialogue_lengths"]) - 1
    assert set(batch["text_turns"][batch["entity_turns"]]) <= set(last)
    tags = made.featurizer.texts.entity_tags
    tagged = [tags[tag] for row in batch["entity_tags"] for tag in row if tag]
    assert tagged == ["U-city", "U-name"]
    assert store.tables.label_texts[-2:].tolist() == [0, 1]


def test_the_last_user_step_can_be_asked_about_by_its_text(sources, tmp_path):
    made = prepare_dialogues(
        sources("end_to_end"),
        settings_of("end_to_end"),
        tmp_path / "out",
        text_features=FeatureSettings(PIPELINE),
    )
    events = [LISTEN, UserUttered("greet", "hello there")]
    for by_text, attribute, other in ((False, "intent", "text"), (True, "text", "intent")):
        store = next_questions(made.featurizer, [events], None, by_text=by_text)
        positions = text_positions(store.tables, store.take(np.array([0])).states)
        batch = assemble_dialogues(store, np.array([0]), positions)
        assert batch[f"{attribute}_turns"].tolist() == [1]
        assert batch[f"{other}_turns"].tolist() == []


def test_names_in_end_to_end_stories_are_told_apart_by_their_words(sources, tmp_path):
    made = prepare_dialogues(
        sources("end_to_end"),
        settings_of("end_to_end"),
        tmp_path / "out",
        text_features=FeatureSettings(PIPELINE),
    )
    rows = made.store.tables.label_rows.toarray()
    actions = made.featurizer.domain.actions
    assert rows[actions.index("utter_hello")].sum() == 1
    assert rows[actions.index("utter_more")].sum() == 0  # in the domain, but in no story
    assert rows[-2:].sum() == 0  # bot texts have features of their own


def test_end_to_end_stories_need_a_pipeline(sources, tmp_path):
    with pytest.raises(InputError, match="need a 'pipeline:'"):
        prepare_dialogues(sources("end_to_end"), settings_of("end_to_end"), tmp_path / "out")

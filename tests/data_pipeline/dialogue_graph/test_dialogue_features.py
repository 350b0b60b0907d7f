"""What turns look like to the model in the graph is what their events look like in Python."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from text_graph.fuzzed_texts import thoroughly

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.domain.domain_files import read_domain
from data_pipeline.dialogue.domain.events import (
    LISTEN,
    ActionExecuted,
    ActiveLoop,
    SlotSet,
    StoryEntity,
    UserUttered,
)
from data_pipeline.dialogue.domain.slots import Slot
from data_pipeline.dialogue.predictions import next_questions
from data_pipeline.dialogue.prepare_dialogues import (
    DialogueSettings,
    DialogueSources,
    prepare_dialogues,
)
from data_pipeline.dialogue.state_features import DOMAIN_ATTRIBUTES, NAME_ATTRIBUTES
from data_pipeline.dialogue_graph.dialogue_features import DialogueFeatures
from data_pipeline.dialogue_graph.slots import SlotFeatures
from data_pipeline.dialogue_graph.turns import Turn, request_of, turns_of_events
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.text_graph.strings.characters import Kinds
from data_pipeline.text_graph.strings.rewriting import LowerCase

GOLDEN = Path(__file__).parents[2] / "golden" / "end_to_end_features.json"
DOMAIN = """
version: "3.1"
intents:
  - greet
  - fly: {use_entities: [city]}
  - price: {ignore_entities: [city]}
entities:
  - city: {roles: [from, to], groups: ["1"]}
  - day
  - mood: {influence_conversation: false}
slots:
  name: {type: text, mappings: [{type: from_text}]}
  cities: {type: list, mappings: [{type: from_entity, entity: city}]}
  flying: {type: bool, initial_value: true, mappings: [{type: custom}]}
  price: {type: float, min_value: -2.0, max_value: 6, mappings: [{type: custom}]}
  city: {type: categorical, values: [Rome, ΟΔΟΣ, true, 1.5], mappings: [{type: custom}]}
  note: {type: any, mappings: [{type: custom}]}
  hidden: {type: text, influence_conversation: false, mappings: [{type: custom}]}
forms:
  order_form: {required_slots: [name]}
  search_form: {required_slots: [city]}
actions: [action_book]
responses:
  utter_hello: [{text: Hello}]
"""


@pytest.fixture(scope="module")
def domain(tmp_path_factory):
    path = tmp_path_factory.mktemp("domain") / "domain.yml"
    path.write_text(DOMAIN, encoding="utf-8")
    return read_domain([path])


@pytest.fixture(scope="module")
def by_names(domain) -> DialogueFeaturizer:
    return DialogueFeaturizer(domain, (*NAME_ATTRIBUTES, *DOMAIN_ATTRIBUTES))


@pytest.fixture(scope="module")
def by_texts(tmp_path_factory) -> DialogueFeaturizer:
    """Fitted to end-to-end stories."""
    folder = tmp_path_factory.mktemp("stories")
    given = json.loads(GOLDEN.read_text(encoding="utf-8"))["given"]
    for name in ("domain", "stories", "nlu"):
        (folder / f"{name}.yml").write_text(given[name], encoding="utf-8")
    sources = DialogueSources(*([folder / f"{n}.yml"] for n in ("domain", "stories", "nlu")))
    features = FeatureSettings(given["pipeline"])
    settings = DialogueSettings(augmentation_factor=0)
    return prepare_dialogues(sources, settings, folder / "out", text_features=features).featurizer


def events_of(domain, names=("unheard of",), texts=()) -> st.SearchStrategy:
    """Dialogues in which anything may happen in any order."""

    def one_of(known):
        return st.sampled_from([*known, *names])

    labels = st.sampled_from([None, "from", "to", "odd"])
    groups = st.sampled_from([None, "1"])
    kinds = one_of([entity.name for entity in domain.entity_types])
    entity = st.builds(StoryEntity, kinds, st.just("Rome"), labels, groups)
    entities = st.lists(entity, max_size=3).map(tuple)
    values = st.sampled_from(
        [None, True, False, 0, 1, 1.5, -3, 99.0, "Rome", "οδος", "x", ("a",), ()]
    )
    spoken = st.sampled_from([None, *texts])
    steps = [
        st.builds(
            lambda i, t, e: [LISTEN, UserUttered(i, t, e)], one_of(domain.intents), spoken, entities
        ),
        st.builds(lambda name: [ActionExecuted(name)], one_of(domain.action_names)),
        st.builds(lambda slot, value: [SlotSet(slot, value)], one_of(domain.slots), values),
        st.builds(lambda name: [ActiveLoop(name)], st.sampled_from([None, *domain.forms, *names])),
    ]
    if texts:
        steps.append(st.builds(lambda t: [LISTEN, UserUttered(None, t)], st.sampled_from(texts)))
    if domain.action_texts:
        said = st.sampled_from(domain.action_texts)
        steps.append(st.builds(lambda text: [ActionExecuted(None, text)], said))
    return st.lists(st.one_of(steps), max_size=10).map(
        lambda parts: [LISTEN, *(event for part in parts for event in part)]
    )


def check(featurizer, dialogues, max_history, by_text) -> None:
    """All dialogues at once in the graph, one by one in Python."""
    features = DialogueFeatures(featurizer, max_history)
    turns = [turns_of_events(events, featurizer.domain) for events in dialogues]
    found = features(request_of(turns), by_text=by_text)
    found = {key: np.asarray(value) for key, value in found.items()}
    first_turn = 0
    for row, events in enumerate(dialogues):
        store = next_questions(featurizer, [events], max_history, by_text=by_text)
        expected = store.batch(np.array([0]), np.array([0]), ())
        length = int(expected["dialogue_lengths"][0])
        assert found["dialogue_lengths"][row] == length
        for attribute in featurizer.attributes:
            for part, suffixes in parts_of(attribute):
                one = features_of(expected, attribute, part, suffixes, 0, length)
                other = features_of(found, attribute, part, suffixes, first_turn, length)
                assert other == one, (attribute, events)
        first_turn += length
    assert first_turn == sum(found["dialogue_lengths"])


def parts_of(attribute):
    if attribute in ("text", "action_text"):
        return [("sequence", "text"), ("sentence", "text")]
    return [("", "row")]


def features_of(batch, attribute, part, kind, first, length) -> dict:
    """Turn -> its features, of the turns that have the attribute."""
    turns = batch[f"{attribute}_turns"]
    prefix = f"{attribute}_{part}_" if part else f"{attribute}_"
    positions = batch[f"{attribute}_mask"].shape[1] if part == "sequence" else 1
    found = {int(t) - first: {} for t in turns if first <= t < first + length}
    indices, values = batch[f"{prefix}indices"], batch[f"{prefix}values"]
    for (cell, column), value in zip(indices.tolist(), values.tolist(), strict=True):
        turn = int(turns[cell // positions]) - first
        if turn in found:
            found[turn][cell % positions, column] = value
    return found


@thoroughly
@given(st.data())
@pytest.mark.parametrize("max_history", [None, 3])
def test_any_dialogues_have_the_same_features(by_names, max_history, data):
    dialogues = data.draw(st.lists(events_of(by_names.domain), min_size=1, max_size=8))
    check(by_names, dialogues, max_history, by_text=False)


@thoroughly
@given(st.data())
@pytest.mark.parametrize("by_text", [False, True])
def test_end_to_end_dialogues_have_the_same_features(by_texts, by_text, data):
    texts = ["hello", "a large pizza for Rome, please", "ΟΔΟΣ 12", "Hi there!"]
    strategy = events_of(by_texts.domain, names=(), texts=texts)
    dialogues = data.draw(st.lists(strategy, min_size=1, max_size=8))
    check(by_texts, dialogues, 4, by_text=by_text)


def test_a_dialogue_without_turns_is_one_that_has_not_begun(by_names):
    features = DialogueFeatures(by_names, 5)
    found = features(request_of([[], [Turn()]]), by_text=False)
    assert found["dialogue_lengths"].numpy().tolist() == [1, 1]
    assert found["intent_turns"].shape == (0,)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from(["Rome", "ROME", "οδος", "ΟΔΟΣ", "true", "x", "12 km", "½", "Yes", " a b "]),
    st.lists(st.text(max_size=3), max_size=3).map(tuple),
)


@thoroughly
@given(st.lists(SCALARS, min_size=1, max_size=20))
def test_any_slot_value_has_the_same_features(domain, values):
    lower = LowerCase(Kinds())
    slots = SlotFeatures(domain, lower)
    pairs = [(slot, value) for slot in domain.slots.values() for value in values]
    turns = [Turn(slots={slot.name: value}) for slot, value in pairs]
    request = request_of([[turn] for turn in turns])
    names, texts = (request[key].reshape(len(pairs), -1) for key in ("slot_names", "slot_values"))
    if not names.shape[1]:
        return
    columns, numbers = slots(tf.constant(names[:, 0]), tf.constant(texts[:, 0]))
    for (slot, value), at, found in zip(pairs, columns.numpy(), numbers.numpy(), strict=True):
        row = np.zeros(domain.slots_width + 2, np.float32)
        row[at[found != 0]] = found[found != 0]
        expected = np.zeros_like(row)
        if slot.width and not is_text_of_nothing(value):
            first = domain.slot_columns[slot.name]
            expected[first : first + slot.width] = slot.features(slot.stored(value))
        np.testing.assert_array_equal(row, expected, f"{slot.name}: {value!r}")


def is_text_of_nothing(value) -> bool:
    """A string that a request cannot tell from no value."""
    return value in ("", "null")


def test_slots_that_do_not_count_are_nothing(domain):
    slots = SlotFeatures(domain, LowerCase(Kinds()))
    _, values = slots(tf.constant(["note", "hidden", "unheard of"]), tf.constant(["1", "a", "b"]))
    assert not values.numpy().any()


def test_a_domain_without_slots():
    from data_pipeline.dialogue.domain.domain import Domain

    empty = Domain({}, (), {"a": Slot("a", "any")}, ("action_listen",), ())
    _, values = SlotFeatures(empty, LowerCase(Kinds()))(tf.constant(["a"]), tf.constant(["1"]))
    assert not values.numpy().any()

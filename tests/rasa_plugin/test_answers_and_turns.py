"""diet_ted_exports: tensors to Rasa's messages, Rasa's states to tensors."""

from __future__ import annotations

import json

import numpy as np
import pytest
from diet_ted_exports.answers import entities, ranking
from diet_ted_exports.turns import as_text, request_of

from data_pipeline.dialogue_graph.dialogue_features import REQUEST_SPEC
from data_pipeline.dialogue_graph.turns import Turn
from data_pipeline.dialogue_graph.turns import request_of as request_of_turns


def strings(*rows):
    return np.array([[name.encode() for name in row] for row in rows], object)


OUTPUTS = {
    "intent_counts": np.array([2, 0]),
    "intent_names": strings(["fly", "greet"], ["", ""]),
    "intent_confidences": np.array([[0.75, 0.25], [0, 0]], np.float32),
    "entity_counts": np.array([2, 0]),
    "entity_starts": np.array([[4, 12], [0, 0]]),
    "entity_ends": np.array([[8, 21], [0, 0]]),
    "entity_types": strings(["city", "city"], ["", ""]),
    "entity_values": strings(["Rome", "New York"], ["", ""]),
    "entity_roles": strings(["", "to"], ["", ""]),
    "entity_groups": strings(["", ""], ["", ""]),
    "entity_confidences": np.array([[0.5, 1], [0, 0]], np.float32),
    "entity_role_confidences": np.array([[0, 0.25], [0, 0]], np.float32),
    "entity_group_confidences": np.zeros([2, 2], np.float32),
    "entity_is_synonym": np.array([[False, True], [False, False]]),
}


def test_intents_and_entities_are_in_rasas_form():
    assert ranking(OUTPUTS, 0, "intent", "name") == [
        {"name": "fly", "confidence": 0.75},
        {"name": "greet", "confidence": 0.25},
    ]
    found = entities(OUTPUTS, 0)
    diet = {"extractor": "DIETClassifier"}
    assert found == [
        {"entity": "city", "start": 4, "end": 8, "confidence_entity": 0.5, "value": "Rome", **diet},
        {
            **{"entity": "city", "start": 12, "end": 21, "confidence_entity": 1.0},
            **{"role": "to", "confidence_role": 0.25, "value": "New York", **diet},
        },
    ]
    json.dumps(found)  # plain numbers and strings, as Rasa sends them


def test_a_text_without_words_has_no_intent_and_no_entities():
    assert ranking(OUTPUTS, 1, "intent", "name") == [] and entities(OUTPUTS, 1) == []


STATES = [
    {},
    {
        "prev_action": {"action_name": "action_listen"},
        "user": {"intent": "fly", "text": "to Rome", "entities": ("city", "city#to")},
        "slots": {"city": ("Rome",), "wants": ("true",)},
    },
    {
        "prev_action": {"action_name": "action_unlikely_intent"},
        "user": {"intent": "fly", "text": "to Rome", "entities": ("city", "city#to")},
    },
    {
        "prev_action": {"action_text": "Where to?"},
        "user": {"text": "to Rome"},
        "active_loop": {"name": "flight_form"},
        "slots": {"city": ("Rome",)},
    },
]
TURNS = [
    Turn(),
    Turn(
        "action_listen",
        "fly",
        "to Rome",
        ("city", "city#to"),
        {"city": "Rome", "wants": True},
    ),
    Turn("Where to?", "", "to Rome", (), {"city": "Rome"}, "flight_form"),
]


@pytest.mark.parametrize(("states", "turns"), [(STATES, TURNS), ([{}], [Turn()])])
def test_states_are_asked_about_as_turns_are(states, turns):
    made, expected = request_of(states), request_of_turns([turns])
    assert made.keys() == expected.keys() == REQUEST_SPEC.keys()
    for name, table in made.items():
        assert table.dtype == expected[name].dtype
        assert table.shape == expected[name].shape, name
        assert table.tolist() == expected[name].tolist(), name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[("Rome", "Rome"), ("true", "true"), (True, "true"), (2, "2"), (2.5, "2.5")],
        *[(["a", "b"], '["a", "b"]'), ([], "[]"), (None, "null")],
        *[("", '""'), ("null", '"null"')],  # strings, and no lack of a value
    ],
)
def test_values_of_slots_are_json_but_strings_as_they_are(value, text):
    assert as_text(value) == text

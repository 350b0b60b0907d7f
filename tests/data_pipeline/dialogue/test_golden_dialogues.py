"""Stories become the states, labels and features that Rasa 3.6.21 makes of them.

`scripts/make_dialogue_golden.py` wrote down what Rasa makes of `scripts/golden/dialogue_cases.py`.
"""

import json
from pathlib import Path

import pytest

from data_pipeline.dialogue.domain.domain_files import read_domain
from data_pipeline.dialogue.intents.intent_examples import (
    NO_INTENT,
    IntentExamples,
    can_be_learnt_from,
)
from data_pipeline.dialogue.state_features import TEXT_ATTRIBUTES, attribute_values, domain_rows
from data_pipeline.dialogue.stories.story_files import read_unchecked_stories
from data_pipeline.dialogue.trackers.states import State, StateTable
from data_pipeline.dialogue.trackers.tracker_generator import training_trackers
from data_pipeline.dialogue.trackers.turns import WindowCutter, turns_of

GOLDENS = json.loads(
    (Path(__file__).parents[2] / "golden" / "dialogues.json").read_text(encoding="utf-8")
)


def as_rasa(state: State, *, text_beside_intent: bool = True) -> dict:
    """The state in the form Rasa gives it."""
    made: dict = {}
    if state.user:
        both = state.user.intent and state.user.text
        user = {
            "intent": state.user.intent,
            "text": None if both and not text_beside_intent else state.user.text,
            "entities": list(state.user.entities) or None,
        }
        made["user"] = {key: value for key, value in user.items() if value}
    if state.slots:
        made["slots"] = {name: list(features) for name, features in state.slots}
    action = {"action_name": state.action_name, "action_text": state.action_text}
    if state.action_name or state.action_text:
        made["prev_action"] = {key: value for key, value in action.items() if value}
    if state.loop:
        made["active_loop"] = {"name": state.loop}
    return made


@pytest.fixture(params=GOLDENS)
def golden(request):
    return GOLDENS[request.param]


@pytest.fixture
def told(golden, tmp_path):
    """The domain, the table of states and the trackers made of a golden's stories."""
    given = golden["given"]
    (tmp_path / "domain.yml").write_text(given["domain"], encoding="utf-8")
    paths = []
    for name in ("rules", "stories"):
        if name in given:
            paths.append(tmp_path / f"{name}.yml")
            paths[-1].write_text(given[name], encoding="utf-8")
    data = read_unchecked_stories(paths, read_domain([tmp_path / "domain.yml"]))
    table = StateTable(data.domain)
    factor = given.get("augmentation_factor", 0)
    return data.domain, table, training_trackers(data.steps, table, augmentation_factor=factor)


def test_columns_are_rasas(golden, told):
    domain, rasa = told[0], golden["rasa"]
    assert list(domain.intents) == rasa["intents"]
    assert list(domain.actions) == rasa["actions"]
    assert list(domain.entity_states) == rasa["entity_states"]
    assert list(domain.forms) == rasa["forms"]
    slots = [f"{s.name}_{i}" for s in domain.slots.values() for i in range(s.width)]
    assert slots == rasa["slot_states"]


def test_dialogues_are_rasas_in_the_same_order(golden, told):
    _, table, trackers = told
    rasa = golden["rasa"]
    made = [
        {
            "name": tracker.name,
            "augmented": tracker.is_augmented,
            "states": [as_rasa(table.states[number]) for number in tracker.states()],
        }
        for tracker in trackers
    ]
    expected = [
        {**tracker, "states": [rasa["states"][number] for number in tracker["states"]]}
        for tracker in rasa["trackers"]
    ]
    assert made == expected


@pytest.mark.shows("ted.max_history")
def test_examples_are_rasas_in_the_same_order(golden, told):
    domain, table, trackers = told
    rasa = golden["rasa"]
    cutter = WindowCutter(golden["given"].get("max_history"))
    label_ids = {action: number for number, action in enumerate(domain.actions)}
    made = []
    for tracker in trackers:
        turns = turns_of(tracker, table, label_ids)
        for window in cutter.windows(turns):
            states = turns.states[window.first : window.last + 1]
            made.append(
                (
                    [as_rasa(table.states[n], text_beside_intent=False) for n in states],
                    domain.actions[turns.labels[window.last]],
                )
            )
    assert made == [
        ([rasa["states"][number] for number in example["states"]], example["label"])
        for example in rasa["examples"]
    ]


@pytest.mark.shows("unexpected_intent.max_history")
def test_examples_of_intents_are_rasas_in_the_same_order(golden, told):
    domain, table, trackers = told
    rasa = golden["rasa"]
    examples = IntentExamples(golden["given"].get("max_history"), domain.intents)
    for tracker in filter(can_be_learnt_from, trackers):
        examples.add(tracker, table)
    shard, intents = examples.shard(), examples.intent_ids()
    made = []
    for first, length, ids in zip(shard.firsts, shard.lengths, intents, strict=True):
        states = shard.turn_states[first : first + length]
        made.append(
            (
                [as_rasa(table.states[n], text_beside_intent=False) for n in states],
                sorted(domain.intents[number] for number in ids if number != NO_INTENT),
            )
        )
    assert made == [
        ([rasa["states"][number] for number in example["states"]], example["intents"])
        for example in rasa["intent_examples"]
    ]


def test_one_hot_features_are_rasas(golden, told):
    domain, table, trackers = told
    rasa = golden["rasa"]
    expected = {
        json.dumps(state, sort_keys=True): features
        for state, features in zip(rasa["states"], rasa["features"], strict=True)
    }
    for state in {table.states[number] for tracker in trackers for number in tracker.states()}:
        features = {}
        for attribute, value in attribute_values(state).items():
            if attribute not in TEXT_ATTRIBUTES:
                row = domain_rows(attribute, [value], domain)
                pairs = zip(row.indices.tolist(), row.data.tolist(), strict=True)
                features[attribute] = sorted(map(list, pairs))
        assert features == expected[json.dumps(as_rasa(state), sort_keys=True)]

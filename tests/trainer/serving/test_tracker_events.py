"""Dialogues in Rasa's JSON: which events count, and as what."""

from __future__ import annotations

import pytest

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import (
    LISTEN,
    ActionExecuted,
    ActiveLoop,
    SlotSet,
    StoryEntity,
    UserUttered,
)
from data_pipeline.dialogue.domain.slots import Slot
from trainer.serving.tracker_events import told_events

DOMAIN = Domain(
    {},
    (),
    {"city": Slot("city", "text"), "seats": Slot("seats", "float", 1.0)},
    ("action_listen", "utter_hello", "form"),
    ("form",),
    ("Good morning",),
)
HEARD = {"event": "action", "name": "action_listen"}
HELLO = {"event": "action", "name": "utter_hello"}


def said(intent: str | None = None, text: str | None = None, *entities: dict) -> dict:
    parse_data = {"intent": {"name": intent}, "entities": list(entities)}
    return {"event": "user", "text": text, "parse_data": parse_data}


def of(*events: dict) -> list:
    return told_events(list(events), DOMAIN)


def test_events_become_ours():
    city = {"entity": "city", "value": "Rome", "role": "to", "start": 0, "end": 4}
    told = of(
        {"event": "action", "name": "action_session_start"},
        {"event": "session_started"},
        HEARD,
        said("fly", "to Rome", city),
        {"event": "slot", "name": "city", "value": ["Rome", ["Oslo"]]},
        {"event": "active_loop", "name": "form"},
        {"event": "active_loop", "name": None},
        {"event": "bot", "text": "Hello"},
        {"event": "action", "name": None, "action_text": "Good morning"},
        {"event": "action", "name": "Good morning"},
    )
    assert told == [
        LISTEN,
        UserUttered("fly", "to Rome", (StoryEntity("city", "Rome", "to"),)),
        SlotSet("city", ("Rome", ("Oslo",))),
        ActiveLoop("form"),
        ActiveLoop(None),
        ActionExecuted(None, "Good morning"),
        ActionExecuted(None, "Good morning"),
    ]


def test_a_single_event_is_a_dialogue():
    assert told_events(HEARD, DOMAIN) == [LISTEN]


@pytest.mark.parametrize("event", ["restart", "session_started"])
def test_nothing_before_a_restart_counts(event):
    assert of(HEARD, said("greet"), HELLO, {"event": event}, HEARD) == [LISTEN]


def test_what_is_undone_does_not_count():
    greeting = [LISTEN, UserUttered("greet")]
    assert of(HEARD, said("greet"), HELLO, {"event": "undo"}) == greeting
    assert of(HEARD, said("greet"), HELLO, HEARD, said("bye"), {"event": "rewind"}) == [
        *greeting,
        ActionExecuted("utter_hello"),
    ]
    assert of({"event": "rewind"}, {"event": "undo"}, HEARD) == [LISTEN]


def test_undoing_within_a_form_undoes_all_its_questions():
    """As in Rasa, where only the first of a form's executions is left to be undone."""
    form = {"event": "action", "name": "form"}
    loop = {"event": "active_loop", "name": "form"}
    told = of(HEARD, said("fly"), form, loop, HEARD, said("inform"), form, {"event": "undo"})
    assert told == [LISTEN, UserUttered("fly")]


def test_turns_of_rules_alone_leave_no_trace():
    hidden = {"hide_rule_turn": True}
    told = of(HEARD, said("greet"), HELLO | hidden, HEARD | hidden, said("fly"))
    assert told == [LISTEN, UserUttered("greet"), UserUttered("fly")]


def test_a_policys_words_on_what_was_said_count():
    by_text = {"event": "user_featurization", "use_text_for_featurization": True}
    assert of(HEARD, said("greet", "hi"), by_text) == [LISTEN, UserUttered(None, "hi")]
    by_intent = {"event": "user_featurization", "use_text_for_featurization": False}
    assert of(HEARD, said("greet", "hi"), by_intent) == [LISTEN, UserUttered("greet")]
    found = {"event": "entities", "entities": [{"entity": "city", "value": "Rome"}]}
    assert of(HEARD, said("fly"), found)[1].entities == (StoryEntity("city", "Rome"),)


def test_slots_can_be_emptied():
    assert of({"event": "reset_slots"}) == [SlotSet("city", None), SlotSet("seats", 1.0)]

"""A dialogue as Rasa's HTTP API tells it: a list of events in JSON.

Mirrors `DialogueStateTracker.from_dict` and `applied_events`: what was undone, or came before a
restart, does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    SlotSet,
    StoryEntity,
    UserUttered,
)
from data_pipeline.dialogue.trackers.tracker import collapsed
from trainer.serving.refused import Refused

WITHOUT_EFFECT = frozenset(
    "bot agent pause resume export followup reminder cancel_reminder loop_interrupted "
    "form_validation action_execution_rejected".split()
)
"""What a model does not see."""


def told_events(items: Any, domain: Domain) -> list[Event]:
    """The events that count.

    Turns that a rule alone has predicted (`hide_rule_turn`) leave no trace, as TED sees none.

    Raises:
        Refused: this is not a list of Rasa's events.
    """
    if isinstance(items, Mapping):
        items = [items]
    if not isinstance(items, list):
        raise _bad(f"expected a list of events, got {_shown(items)}")
    told: list[Event] = []
    for number, item in enumerate(items):
        where = f"event {number}"
        kind = item.get("event") if isinstance(item, dict) else None
        if not isinstance(kind, str):
            raise _bad(f"{where} has no 'event' that names its kind: {_shown(item)}")
        if kind in _EVENTS:
            if not (kind == "action" and item.get("hide_rule_turn")):
                told.append(_EVENTS[kind](item, where, domain))
        elif kind in _EFFECTS:
            told = _EFFECTS[kind](told, item, where, domain)
        elif kind not in WITHOUT_EFFECT:
            known = ", ".join(sorted({*_EVENTS, *_EFFECTS, *WITHOUT_EFFECT}))
            raise _bad(f"{where} is of the unknown kind {kind!r}; there are {known}")
    return told


def _user(item: Mapping[str, Any], where: str, domain: Domain) -> UserUttered:
    parsed = _field(item, "parse_data", dict, where) or {}
    intent = _field(parsed, "intent", dict, f"{where}, parse_data") or {}
    return UserUttered(
        _field(intent, "name", str, f"{where}, intent"),
        _field(item, "text", str, where),
        _entities(parsed, f"{where}, parse_data"),
    )


def _entities(item: Mapping[str, Any], where: str) -> tuple[StoryEntity, ...]:
    entities = []
    for entity in _field(item, "entities", list, where) or []:
        if not isinstance(entity, dict) or not isinstance(entity.get("entity"), str):
            raise _bad(f"{where}: an entity needs a name, 'entity': {_shown(entity)}")
        label = f"{where}, entity {entity['entity']!r}"
        role, group = (_field(entity, name, str, label) for name in ("role", "group"))
        value = _value(entity.get("value"))
        entities.append(StoryEntity(entity["entity"], value, role, group))
    return tuple(entities)


def _action(item: Mapping[str, Any], where: str, domain: Domain) -> ActionExecuted:
    name, text = (_field(item, key, str, where) for key in ("name", "action_text"))
    if not name and not text:
        raise _bad(f"{where}: an action needs a 'name', or an 'action_text'")
    if name in domain.action_texts:  # a ranking has both under one heading
        name, text = None, name
    return ActionExecuted(name, None if name else text)


def _slot(item: Mapping[str, Any], where: str, domain: Domain) -> SlotSet:
    name = _field(item, "name", str, where)
    if not name:
        raise _bad(f"{where}: a slot needs a 'name'")
    return SlotSet(name, _value(item.get("value")))


def _loop(item: Mapping[str, Any], where: str, domain: Domain) -> ActiveLoop:
    return ActiveLoop(_field(item, "name", str, where) or None)


_EVENTS: dict[str, Callable[[Mapping[str, Any], str, Domain], Event]] = {
    "user": _user,
    "action": _action,
    "slot": _slot,
    "active_loop": _loop,
    "form": _loop,
}


def _start_over(told: list[Event], item: Mapping, where: str, domain: Domain) -> list[Event]:
    return []


def _undo_action(told: list[Event], item: Mapping, where: str, domain: Domain) -> list[Event]:
    return _before_last(collapsed(told), ActionExecuted)


def _undo_user(told: list[Event], item: Mapping, where: str, domain: Domain) -> list[Event]:
    """Before what the user said there is the action of listening, which goes, too."""
    return _before_last(_before_last(collapsed(told), UserUttered), ActionExecuted)


def _empty_slots(told: list[Event], item: Mapping, where: str, domain: Domain) -> list[Event]:
    return [*told, *(SlotSet(slot.name, slot.initial_value) for slot in domain.slots.values())]


def _add_entities(told: list[Event], item: Mapping, where: str, domain: Domain) -> list[Event]:
    """Entities that a policy has found in what the user said last."""
    found = _entities(item, where)
    return _with_last_user(told, lambda u: UserUttered(u.intent, u.text, (*u.entities, *found)))


def _count_by(told: list[Event], item: Mapping, where: str, domain: Domain) -> list[Event]:
    """A policy has decided whether the text or the intent of what the user said last counts."""
    if item.get("use_text_for_featurization") is True:
        return _with_last_user(told, lambda u: UserUttered(None, u.text, u.entities))
    if item.get("use_text_for_featurization") is False:
        return _with_last_user(told, lambda u: UserUttered(u.intent, None, u.entities))
    return told


_EFFECTS: dict[str, Callable[[list[Event], Mapping, str, Domain], list[Event]]] = {
    "restart": _start_over,
    "session_started": _start_over,
    "undo": _undo_action,
    "rewind": _undo_user,
    "reset_slots": _empty_slots,
    "entities": _add_entities,
    "user_featurization": _count_by,
}


def _before_last(told: Sequence[Event], kind: type) -> list[Event]:
    last = max((i for i, event in enumerate(told) if isinstance(event, kind)), default=0)
    return list(told[:last])


def _with_last_user(
    told: Sequence[Event], changed: Callable[[UserUttered], UserUttered]
) -> list[Event]:
    for place in reversed(range(len(told))):
        event = told[place]
        if isinstance(event, UserUttered):
            return [*told[:place], changed(event), *told[place + 1 :]]
    return list(told)


def _field(item: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = item.get(key)
    if value is not None and not isinstance(value, kind):
        raise _bad(f"{where}: {key!r} is no {_KINDS[kind]}: {_shown(value)}")
    return value


_KINDS: dict[type, str] = {dict: "object", list: "list", str: "string"}


def _value(value: Any) -> Any:
    """A value of a slot or entity: lists are tuples, and what is told of maps is their keys."""
    if isinstance(value, list):
        return tuple(map(_value, value))
    return tuple(value) if isinstance(value, dict) else value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _bad(what: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, f"Supplied events are not valid: {what}.")

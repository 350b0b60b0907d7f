"""What a server has at hand of a dialogue: turns, and how they are asked about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data_pipeline.dialogue.domain.domain import LABEL_SEPARATOR, Domain
from data_pipeline.dialogue.domain.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    StoryEntity,
    UserUttered,
)
from data_pipeline.dialogue.trackers.tracker import collapsed
from data_pipeline.dialogue.trackers.turns import UNLIKELY_INTENT


@dataclass(frozen=True)
class Turn:
    """The state of a dialogue before an action.

    Attributes:
        previous_action: by name, or what the bot said; "" at the very beginning.
        intent, text: of what the user said last; of an end-to-end step the text alone.
        entities: of the same, by name, and again with each role and group: `city`, `city#from`.
        slots: slot -> value; those without one may be left out.
        active_loop: the form, or "".
    """

    previous_action: str = ""
    intent: str = ""
    text: str = ""
    entities: tuple[str, ...] = ()
    slots: Mapping[str, Any] = field(default_factory=dict)
    active_loop: str = ""


def turns_of_events(events: Sequence[Event], domain: Domain) -> list[Turn]:
    """The turns before each action of a dialogue, and the one that now is."""
    slots = {slot.name: slot.initial_value for slot in domain.slots.values()}
    now = Turn(slots=slots)
    turns = []
    for event in collapsed(events):
        if isinstance(event, ActionExecuted):
            turns.append(now)
            now = _changed(now, previous_action=event.label)
        elif isinstance(event, UserUttered):
            now = _changed(
                now,
                intent=event.intent or "",
                text=event.text or "",
                entities=_entity_states(event.entities),
            )
        elif isinstance(event, ActiveLoop):
            now = _changed(now, active_loop=event.name or "")
        else:
            now = _changed(now, slots={**now.slots, event.slot: event.value})
    return [turn for turn in (*turns, now) if turn.previous_action != UNLIKELY_INTENT]


def _changed(turn: Turn, **changes: Any) -> Turn:
    return Turn(**{**turn.__dict__, **changes})


def _entity_states(entities: Sequence[StoryEntity]) -> tuple[str, ...]:
    names = {entity.entity for entity in entities}
    for entity in entities:
        labels = filter(None, (entity.role, entity.group))
        names.update(f"{entity.entity}{LABEL_SEPARATOR}{label}" for label in labels)
    return tuple(sorted(names))


def request_of(dialogues: Sequence[Sequence[Turn]]) -> dict[str, np.ndarray]:
    """Dialogues as the tensors of a request (see `DialogueFeatures`), padded with "".

    >>> request_of([[Turn("action_listen", intent="greet")]])["intents"].tolist()
    [[b'greet']]
    """
    tables = {
        "previous_actions": _padded([[t.previous_action for t in d] for d in dialogues], 2),
        "intents": _padded([[t.intent for t in d] for d in dialogues], 2),
        "texts": _padded([[t.text for t in d] for d in dialogues], 2),
        "active_loops": _padded([[t.active_loop for t in d] for d in dialogues], 2),
        "entities": _padded([[t.entities for t in d] for d in dialogues], 3),
    }
    slots = [[_set_slots(turn) for turn in dialogue] for dialogue in dialogues]
    tables["slot_names"] = _padded([[[n for n, _ in turn] for turn in d] for d in slots], 3)
    tables["slot_values"] = _padded([[[v for _, v in turn] for turn in d] for d in slots], 3)
    return {"turn_counts": np.array([len(d) for d in dialogues], np.int32), **tables}


def _set_slots(turn: Turn) -> list[tuple[str, str]]:
    return [(name, _as_text(value)) for name, value in turn.slots.items() if value is not None]


def _as_text(value: Any) -> str:
    """A string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _padded(nested: Sequence[Any], rank: int) -> np.ndarray:
    """Lists of lists (of lists) of strings as an array of UTF-8 strings."""
    inner = [turn for dialogue in nested for turn in dialogue]
    shape = [len(nested), max(map(len, nested), default=0)]
    if rank == 3:
        shape.append(max(map(len, inner), default=0))
    table = np.full(shape, b"", object)
    for row, dialogue in enumerate(nested):
        for column, turn in enumerate(dialogue):
            if rank == 2:
                table[row, column] = turn.encode()
            else:
                table[row, column, : len(turn)] = [name.encode() for name in turn]
    return table

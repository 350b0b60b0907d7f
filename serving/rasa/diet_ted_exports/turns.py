"""Rasa's states of a dialogue as the tensors that an exported policy takes. Needs NumPy alone."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

# As in `rasa.shared.core.constants`, which cannot be imported without the rest of Rasa.
USER, PREVIOUS_ACTION, ACTIVE_LOOP, SLOTS = "user", "prev_action", "active_loop", "slots"
UNLIKELY_INTENT = "action_unlikely_intent"

State = Mapping[str, Mapping[str, Any]]


def request_of(states: Sequence[State]) -> Dict[str, np.ndarray]:
    """One dialogue as a request, every table with a first axis of one; strings are UTF-8.

    Args:
        states: of the dialogue before each action, the present one last. `slots` have the texts of
            their values in the place of features (see `told_slots`). States after
            `action_unlikely_intent` do not count, as for Rasa's TED.
    """
    turns = [state for state in states if _previous_action(state) != UNLIKELY_INTENT]
    users = [turn.get(USER, {}) for turn in turns]
    slots = [turn.get(SLOTS, {}) for turn in turns]
    return {
        "turn_counts": np.array([len(turns)], np.int32),
        "previous_actions": _row([_previous_action(turn) for turn in turns]),
        "intents": _row([user.get("intent") or "" for user in users]),
        "texts": _row([user.get("text") or "" for user in users]),
        "active_loops": _row([turn.get(ACTIVE_LOOP, {}).get("name") or "" for turn in turns]),
        "entities": _table([user.get("entities", ()) for user in users]),
        "slot_names": _table([list(values) for values in slots]),
        "slot_values": _table([[value[0] for value in values.values()] for values in slots]),
    }


def as_text(value: Any) -> str:
    """A slot's value as the signature takes it: JSON, but strings as they are.

    Strings that would mean that there is no value are JSON, too.

    >>> [as_text(value) for value in ("Rome", True, 2.5, ["a"], "", "null")]
    ['Rome', 'true', '2.5', '["a"]', '""', '"null"']
    """
    if isinstance(value, str) and value not in ("", "null"):
        return value
    return json.dumps(value, default=str)


def _previous_action(state: State) -> str:
    action = state.get(PREVIOUS_ACTION, {})
    return action.get("action_name") or action.get("action_text") or ""


def _row(strings: Sequence[str]) -> np.ndarray:
    """`[1, turns]`."""
    return np.array([[string.encode() for string in strings]], object)


def _table(rows: Sequence[Sequence[str]]) -> np.ndarray:
    """`[1, turns, names]`, filled up with ""."""
    width = max(map(len, rows), default=0)
    filled: List[List[bytes]] = [
        [*(name.encode() for name in row), *[b""] * (width - len(row))] for row in rows
    ]
    return np.array(filled, object).reshape(1, len(rows), width)

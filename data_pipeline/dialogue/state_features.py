"""What a state looks like to the model: per attribute a value, and per value a row of features.

Mirrors `rasa.core.featurizers.single_state_featurizer.SingleStateFeaturizer`. Few values occur in
many states, so a state is a list of value numbers, and only distinct values have features.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.trackers.states import State
from data_pipeline.featurizers.featurizer import rows_of
from data_pipeline.messages.fitted_pipeline import IdAssigner

NAME_ATTRIBUTES = ("intent", "action_name")
TEXT_ATTRIBUTES = ("text", "action_text")
DOMAIN_ATTRIBUTES = ("entities", "slots", "active_loop")
ATTRIBUTES = (*TEXT_ATTRIBUTES, *NAME_ATTRIBUTES, *DOMAIN_ATTRIBUTES)
ABSENT = -1


def attribute_values(state: State) -> dict[str, Any]:
    """Attribute -> value, of the attributes that the state has.

    What the user said counts only right after it was said, the text only if there is no intent.
    """
    values: dict[str, Any] = {
        "action_name": state.action_name,
        "action_text": state.action_text,
        "slots": state.slots or None,
        "active_loop": state.loop,
    }
    if state.user and state.follows_user:
        values["intent"] = state.user.intent
        values["text"] = state.user.text if state.user.intent is None else None
        values["entities"] = state.user.entities or None
    return {attribute: value for attribute, value in values.items() if value is not None}


class StateEncoder:
    """Numbers the values of each attribute in the order of their first appearance.

    Args:
        action_texts: bot texts that get the first numbers, whether they appear or not.
    """

    def __init__(self, action_texts: Iterable[str] = ()) -> None:
        self._numbers = {attribute: IdAssigner() for attribute in ATTRIBUTES}
        for text in action_texts:
            self._numbers["action_text"](text)

    def encode(self, states: Sequence[State]) -> np.ndarray:
        """`[states, attributes]` int32: the value of each of `ATTRIBUTES`, or `ABSENT`."""
        encoded = np.full((len(states), len(ATTRIBUTES)), ABSENT, np.int32)
        for row, state in zip(encoded, states, strict=True):
            for attribute, value in attribute_values(state).items():
                row[ATTRIBUTES.index(attribute)] = self._numbers[attribute](value)
        return encoded

    def values(self, attribute: str) -> list[Any]:
        """All values of an attribute, by number."""
        return self._numbers[attribute].keys()


def attribute_width(attribute: str, domain: Domain) -> int:
    """The columns of an attribute that is featurized by the domain."""
    if attribute == "slots":
        return domain.slots_width
    return len(_columns(attribute, domain))


def domain_rows(attribute: str, values: Sequence[Any], domain: Domain) -> csr_matrix:
    """`[values, width]` float32: the features that follow from the domain alone.

    A value that the domain lacks has a row of zeros, as in Rasa.

    Args:
        attribute: any but the texts.
    """
    if attribute == "slots":
        rows = [_slot_features(value, domain) for value in values]
    else:
        columns = _columns(attribute, domain)
        named = [value if attribute == "entities" else (value,) for value in values]
        rows = [{columns[name]: 1.0 for name in names if name in columns} for names in named]
    return rows_of(rows, attribute_width(attribute, domain))


def _columns(attribute: str, domain: Domain) -> dict[str, int]:
    names = {
        "intent": domain.intents,
        "action_name": domain.actions,
        "entities": domain.entity_states,
        "active_loop": domain.forms,
    }[attribute]
    return {name: column for column, name in enumerate(names)}


def _slot_features(
    slots: Sequence[tuple[str, tuple[float, ...]]], domain: Domain
) -> dict[int, float]:
    return {
        domain.slot_columns[slot] + position: number
        for slot, features in slots
        for position, number in enumerate(features)
        if number
    }

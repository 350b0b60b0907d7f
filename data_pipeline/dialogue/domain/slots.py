"""Slots: their types, and what the model sees of their values (`rasa.shared.core.slots`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

OTHER_VALUE = "__other__"
"""The column of a categorical slot for values that the domain does not list."""


@dataclass(frozen=True, slots=True)
class EntityMapping:
    """A `from_entity` mapping that holds outside of forms, too: such entities fill the slot."""

    entity: str
    role: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of the domain.

    Attributes:
        type: one of `SLOT_TYPES`.
        values: of a categorical slot, lower-cased, `__other__` last.
        minimum, maximum: of a float slot.
        mappings: which entities fill it as soon as they are mentioned.
    """

    name: str
    type: str
    initial_value: Any = None
    influence_conversation: bool = True
    values: tuple[str, ...] = ()
    minimum: float = 0.0
    maximum: float = 1.0
    mappings: tuple[EntityMapping, ...] = ()

    @property
    def width(self) -> int:
        """How many numbers `features` gives."""
        return len(self.features(None))

    def stored(self, value: Any) -> Any:
        """The value as a dialogue keeps it: a list slot wraps what is not a list."""
        if self.type == "list" and value and not isinstance(value, tuple):
            return (value,)
        return value

    def features(self, value: Any) -> tuple[float, ...]:
        """What the model sees of the value; nothing of a slot without influence.

        Mirrors `Slot.as_feature`.
        """
        return SLOT_TYPES[self.type](self, value) if self.influence_conversation else ()


def _text(slot: Slot, value: Any) -> tuple[float, ...]:
    return (0.0 if value is None else 1.0,)


def _list(slot: Slot, value: Any) -> tuple[float, ...]:
    return (1.0 if isinstance(value, tuple) and value else 0.0,)


def _bool(slot: Slot, value: Any) -> tuple[float, ...]:
    truth = _truth(value)
    return (0.0, 0.0) if truth is None else (1.0, float(truth))


def _truth(value: Any) -> bool | None:
    """Mirrors `bool_from_any`; None where it raises."""
    if isinstance(value, bool | int | float):
        return value == 1
    if isinstance(value, str):
        if value.isnumeric():
            try:
                return float(value) == 1.0
            except ValueError:  # "½" is numeric to Unicode, not to Python
                return None
        return {"true": True, "false": False}.get(value.strip().lower())
    return None


def _float(slot: Slot, value: Any) -> tuple[float, ...]:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return (0.0, 0.0)
    within = max(slot.minimum, min(slot.maximum, number))
    return (1.0, (within - slot.minimum) / (slot.maximum - slot.minimum))


def _categorical(slot: Slot, value: Any) -> tuple[float, ...]:
    features = [0.0] * len(slot.values)
    if value is not None:
        word = str(value).lower()
        known = word if word in slot.values else OTHER_VALUE
        features[slot.values.index(known)] = 1.0
    return tuple(features)


def _nothing(slot: Slot, value: Any) -> tuple[float, ...]:
    return ()


SLOT_TYPES: dict[str, Callable[[Slot, Any], tuple[float, ...]]] = {
    "text": _text,
    "list": _list,
    "bool": _bool,
    "float": _float,
    "categorical": _categorical,
    "any": _nothing,
}

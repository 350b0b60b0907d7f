"""Reads the `slots:` section of a domain."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any

from data_pipeline.dialogue.domain.slots import OTHER_VALUE, SLOT_TYPES, EntityMapping, Slot
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.yaml_values import (
    Node,
    Scalar,
    expect_mapping,
    expect_name,
    expect_sequence,
    expect_truth,
    frozen_value,
    is_null,
    scalar_value,
)
from data_pipeline.warnings_to_user import note

MAPPING_TYPES = ("from_entity", "from_intent", "from_trigger_intent", "from_text", "custom")
OTHER_NAMES = {
    "unfeaturized": "any",  # Rasa 1's word
    "TextSlot": "text",
    "ListSlot": "list",
    "BooleanSlot": "bool",
    "FloatSlot": "float",
    "CategoricalSlot": "categorical",
    "AnySlot": "any",
    "UnfeaturizedSlot": "any",
}
"""Of slot types; the classes are written `rasa.shared.core.slots.TextSlot`."""


class SlotReader:
    """Turns the nodes of a file's `slots:` into slots.

    A domain of Rasa 2 has no mappings: there a slot is filled from the entity of its name.
    """

    def __init__(self, path: Path, version: str | None, entities: Container[str]) -> None:
        self._path = path
        self._mappings_required = version is not None and version.startswith("3")
        self._entities = entities
        self._assumed: list[str] = []

    def read(self, section: Node | None) -> dict[str, Slot]:
        """All slots, in file order.

        Raises:
            InputError: an unknown type, a wrong setting, or a mapping that is not one.
        """
        if section is None or is_null(section):
            return {}
        named = expect_mapping(section, self._source(section), "'slots'").items
        slots = {name: self._slot(name, node) for name, node in named.items()}
        if self._assumed:
            note(
                self._path,
                "slots without 'mappings', as in Rasa 2; assumed to be filled from the entities of "
                f"their names: {', '.join(self._assumed)}.",
            )
        return slots

    def _source(self, node: Node) -> str:
        return f"{self._path}:{node.line}"

    def _slot(self, name: str, node: Node) -> Slot:
        items = expect_mapping(node, self._source(node), f"the slot {name!r}").items
        slot_type = self._type(name, node, items)
        slot = Slot(
            name,
            slot_type,
            influence_conversation=self._influence(name, slot_type, items),
            values=self._values(name, slot_type, items),
            minimum=self._number(name, "min_value", items, 0.0),
            maximum=self._number(name, "max_value", items, 1.0),
            mappings=self._mappings(name, node, items),
            initial_value=frozen_value(items["initial_value"])
            if "initial_value" in items
            else None,
        )
        if slot.minimum >= slot.maximum:
            raise InputError(
                f"{self._source(node)}: the slot {name!r} has 'min_value' {slot.minimum:g} and "
                f"'max_value' {slot.maximum:g}; the first must be less than the second"
            )
        return slot

    def _type(self, name: str, node: Node, items: dict[str, Node]) -> str:
        written = items.get("type")
        if written is None:
            raise InputError(
                f"{self._source(node)}: the slot {name!r} has no 'type'; "
                f"add one of {', '.join(SLOT_TYPES)}"
            )
        slot_type = expect_name(written, self._source(written), f"the type of the slot {name!r}")
        package, _, class_name = slot_type.rpartition(".")
        is_of_rasa = package in ("", "rasa") or package.startswith("rasa.")
        known = OTHER_NAMES.get(class_name, slot_type) if is_of_rasa else slot_type
        if known not in SLOT_TYPES:
            raise InputError(
                f"{self._source(written)}: the slot {name!r} is of a type that is not known here; "
                f"received {slot_type!r}; use one of {', '.join(SLOT_TYPES)}"
            )
        return known

    def _influence(self, name: str, slot_type: str, items: dict[str, Node]) -> bool:
        node = items.get("influence_conversation")
        influence = node is None or expect_truth(node, self._source(node))
        if slot_type != "any":
            return influence
        if node is not None and influence:
            raise InputError(
                f"{self._source(node)}: the slot {name!r} of type 'any' cannot influence the "
                "conversation; give it another type"
            )
        return False

    def _values(self, name: str, slot_type: str, items: dict[str, Node]) -> tuple[str, ...]:
        """The lower-cased values of a categorical slot; null means unset and is left out."""
        if slot_type != "categorical":
            return ()
        node = items.get("values")
        listed: list[Any] = []
        if node is not None:
            meaning = f"'values' of the slot {name!r}"
            sequence = expect_sequence(node, self._source(node), meaning)
            listed = [frozen_value(item) for item in sequence]
        words = [str(value).lower() for value in listed if value is not None]
        return (*words, *([] if OTHER_VALUE in words else [OTHER_VALUE]))

    def _number(self, name: str, key: str, items: dict[str, Node], default: float) -> float:
        node = items.get(key)
        if node is None:
            return default
        value = scalar_value(node) if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(
                f"{self._source(node)}: {key!r} of the slot {name!r} must be a number; "
                f"received {node.shown()}"
            )
        return float(value)

    def _mappings(self, name: str, node: Node, items: dict[str, Node]) -> tuple[EntityMapping, ...]:
        """The mappings by which entities fill the slot outside of forms."""
        written = items.get("mappings")
        if written is None:
            if self._mappings_required:
                raise InputError(
                    f"{self._source(node)}: the slot {name!r} has no 'mappings'; add them, "
                    "for example '- type: custom'"
                )
            return self._assumed_mappings(name, items)
        sequence = expect_sequence(
            written, self._source(written), f"'mappings' of the slot {name!r}"
        )
        mappings = (self._mapping(name, item) for item in sequence)
        return tuple(mapping for mapping in mappings if mapping is not None)

    def _assumed_mappings(self, name: str, items: dict[str, Node]) -> tuple[EntityMapping, ...]:
        auto_fill = items.get("auto_fill")
        filled = auto_fill is None or expect_truth(auto_fill, self._source(auto_fill))
        if not filled or name not in self._entities:
            return ()
        self._assumed.append(name)
        return (EntityMapping(name),)

    def _mapping(self, slot: str, node: Node) -> EntityMapping | None:
        where, meaning = self._source(node), f"a mapping of the slot {slot!r}"
        items = expect_mapping(node, where, meaning).items
        written = items.get("type")
        mapping_type = written.value if isinstance(written, Scalar) else None
        if mapping_type not in MAPPING_TYPES:
            received = written.shown() if written is not None else "none"
            raise InputError(
                f"{where}: {meaning} must have a 'type' of {', '.join(MAPPING_TYPES)}; "
                f"received {received}"
            )
        if mapping_type != "from_entity":
            return None
        if "entity" not in items or is_null(items["entity"]):
            raise InputError(f"{where}: {meaning} is 'from_entity' but names no 'entity'; add it")
        names = {
            key: expect_name(items[key], where, f"{key!r} of {meaning}")
            for key in ("entity", "role", "group")
            if key in items and not is_null(items[key])
        }
        return None if self._needs_form(items) else EntityMapping(**names)

    def _needs_form(self, items: dict[str, Node]) -> bool:
        """Whether the mapping holds in a form only (only the first condition counts, as there)."""
        node = items.get("conditions")
        if node is None:
            return False
        conditions = expect_sequence(node, self._source(node), "'conditions'")
        if not conditions:
            return False
        first = expect_mapping(conditions[0], self._source(conditions[0]), "a condition").items
        return "active_loop" in first and not is_null(first["active_loop"])

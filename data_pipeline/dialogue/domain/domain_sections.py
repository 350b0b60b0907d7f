"""What one domain file says, how two of them merge, and the domain that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from data_pipeline.dialogue.domain.domain import (
    DEFAULT_INTENTS,
    Domain,
    EntityType,
    IntentSettings,
    ordered_actions,
)
from data_pipeline.dialogue.domain.slots import Slot

Value = TypeVar("Value")

REQUESTED_SLOT = "requested_slot"
SESSION_METADATA_SLOT = "session_started_metadata"
KNOWLEDGE_BASE_ACTION = "action_query_knowledge_base"
KNOWLEDGE_BASE_SLOTS = (
    "knowledge_base_listed_objects",
    "knowledge_base_last_object",
    "knowledge_base_last_object_type",
)


@dataclass
class DomainSections:
    """The sections of one or more domain files, each name with what was said about it.

    Attributes:
        actions, responses, forms: only the names count, in file order.
        store_entities_as_slots: None = not said.
    """

    intents: dict[str, IntentSettings] = field(default_factory=dict)
    entities: dict[str, EntityType] = field(default_factory=dict)
    slots: dict[str, Slot] = field(default_factory=dict)
    actions: list[str] = field(default_factory=list)
    responses: list[str] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)
    action_texts: list[str] = field(default_factory=list)
    store_entities_as_slots: bool | None = None

    def merged(self, other: DomainSections) -> DomainSections:
        """Both; where they disagree, this one is right.

        Mirrors `Domain.merge_domain_dicts`: the other's names come first.
        """
        others_actions = [name for name in other.actions if name not in self.forms]
        said = self.store_entities_as_slots
        return DomainSections(
            _merged(self.intents, other.intents),
            _merged(self.entities, other.entities),
            _merged(self.slots, other.slots),
            list(dict.fromkeys([*others_actions, *self.actions])),
            list(dict.fromkeys([*other.responses, *self.responses])),
            list(dict.fromkeys([*other.forms, *self.forms])),
            sorted({*self.action_texts, *other.action_texts}),
            other.store_entities_as_slots if said is None else said,
        )

    def domain(self) -> Domain:
        """The domain, with Rasa's own intents, actions and slots."""
        defaults = {name: IntentSettings() for name in DEFAULT_INTENTS}
        actions = ordered_actions(self.actions, self.responses, self.forms)
        slots = dict(self.slots)
        if self.forms:
            slots.setdefault(REQUESTED_SLOT, _silent(REQUESTED_SLOT, "text"))
        if KNOWLEDGE_BASE_ACTION in actions:
            for name in KNOWLEDGE_BASE_SLOTS:
                slots.setdefault(name, _silent(name, "text"))
        slots[SESSION_METADATA_SLOT] = _silent(SESSION_METADATA_SLOT, "any")
        return Domain(
            intent_settings=_merged(self.intents, defaults),
            entity_types=tuple(self.entities.values()),
            slots=slots,
            action_names=actions,
            forms=tuple(self.forms),
            action_texts=tuple(self.action_texts),
            store_entities_as_slots=self.store_entities_as_slots is not False,
        )


def _silent(name: str, slot_type: str) -> Slot:
    return Slot(name, slot_type, influence_conversation=False)


def _merged(right: dict[str, Value], other: dict[str, Value]) -> dict[str, Value]:
    return {**other, **right}

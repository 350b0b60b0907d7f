"""The domain: what users may mean and bots may do, and in which column each of it is.

Mirrors `rasa.shared.core.domain.Domain` as far as training depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from data_pipeline.dialogue.domain.events import SlotSet, StoryEntity
from data_pipeline.dialogue.domain.slots import Slot

DEFAULT_INTENTS = ("restart", "back", "out_of_scope", "session_start", "nlu_fallback")
DEFAULT_ACTIONS = (
    "action_listen",
    "action_restart",
    "action_session_start",
    "action_default_fallback",
    "action_deactivate_loop",
    "action_revert_fallback_events",
    "action_default_ask_affirmation",
    "action_default_ask_rephrase",
    "action_two_stage_fallback",
    "action_unlikely_intent",
    "action_back",
    "...",
    "action_extract_slots",
)
LABEL_SEPARATOR = "#"


@dataclass(frozen=True)
class EntityType:
    """An entity of the domain; `influences` = used unless an intent says otherwise."""

    name: str
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    influences: bool = True

    @property
    def role_states(self) -> list[str]:
        return [f"{self.name}{LABEL_SEPARATOR}{role}" for role in self.roles]

    @property
    def group_states(self) -> list[str]:
        return [f"{self.name}{LABEL_SEPARATOR}{group}" for group in self.groups]


@dataclass(frozen=True)
class IntentSettings:
    """Which entities an intent lets the model see.

    Attributes:
        use_entities: names, or None for all that influence the conversation.
        ignore_entities: names; they win over `use_entities`. None = those without influence.
    """

    use_entities: tuple[str, ...] | None = None
    ignore_entities: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Domain:
    """What a domain file says, in the order of the model's columns.

    Attributes:
        intent_settings: name -> settings, the default intents included.
        entity_types: in file order.
        slots: name -> slot, in file order, then Rasa's own.
        action_names: defaults, then `actions`, `responses` sorted, `forms`.
        forms: in file order.
        action_texts: end-to-end bot texts, sorted; they follow the action names.
        store_entities_as_slots: whether entities fill slots that are mapped to them.
    """

    intent_settings: Mapping[str, IntentSettings]
    entity_types: tuple[EntityType, ...]
    slots: Mapping[str, Slot]
    action_names: tuple[str, ...]
    forms: tuple[str, ...]
    action_texts: tuple[str, ...] = ()
    store_entities_as_slots: bool = True

    @cached_property
    def intents(self) -> tuple[str, ...]:
        """All intents, sorted: the columns of `intent`."""
        return tuple(sorted(self.intent_settings))

    @property
    def actions(self) -> tuple[str, ...]:
        """Everything the bot may do or say: the labels; the columns of `action_name`."""
        return self.action_names + self.action_texts

    @cached_property
    def entity_states(self) -> tuple[str, ...]:
        """The columns of `entities`: names sorted, then `name#role`, then `name#group`."""
        return (
            *sorted(entity.name for entity in self.entity_types),
            *(state for entity in self.entity_types for state in entity.role_states),
            *(state for entity in self.entity_types for state in entity.group_states),
        )

    @cached_property
    def slot_columns(self) -> dict[str, int]:
        """The first column of each slot that has any."""
        columns, width = {}, 0
        for slot in self.slots.values():
            if slot.width:
                columns[slot.name] = width
            width += slot.width
        return columns

    @cached_property
    def slots_width(self) -> int:
        """The columns of `slots`."""
        return sum(slot.width for slot in self.slots.values())

    @cached_property
    def used_entities(self) -> dict[str, frozenset[str]]:
        """Intent -> the entity states that the model sees beside it."""
        return {name: self._used(settings) for name, settings in self.intent_settings.items()}

    def _used(self, settings: IntentSettings) -> frozenset[str]:
        """Mirrors `Domain._transform_intent_properties_for_internal_use`."""
        without_influence = [entity.name for entity in self.entity_types if not entity.influences]
        if settings.use_entities is None:
            included = set(self.entity_states) - set(without_influence)
        else:
            included = self._with_labels(settings.use_entities)
        ignored = settings.ignore_entities
        excluded = self._with_labels(without_influence if ignored is None else ignored)
        return frozenset(included - excluded)

    def _with_labels(self, names: Iterable[str]) -> set[str]:
        """The entities and their roles and groups."""
        wanted = set(names)
        for entity in self.entity_types:
            if entity.name in wanted:
                wanted.update(entity.role_states, entity.group_states)
        return wanted

    def featurized_entities(self, intent: str, entities: Sequence[StoryEntity]) -> tuple[str, ...]:
        """The entity states, sorted, that a user step with this intent puts into the state."""
        names = {entity.entity for entity in entities}
        for entity in entities:
            labels = filter(None, (entity.role, entity.group))
            names.update(f"{entity.entity}{LABEL_SEPARATOR}{label}" for label in labels)
        return tuple(sorted(names & self.used_entities.get(intent, names)))

    def slot_events(self, entities: Sequence[StoryEntity]) -> list[SlotSet]:
        """The slots that these entities fill by themselves.

        Mirrors `Domain.slots_for_entities`: a list slot takes all values, others the last.
        """
        if not self.store_entities_as_slots or not entities:
            return []
        events = []
        for slot in self._mapped_slots:
            values = tuple(
                entity.value
                for mapping in slot.mappings
                for entity in entities
                if (entity.entity, entity.role, entity.group)
                == (mapping.entity, mapping.role, mapping.group)
            )
            if values:
                events.append(SlotSet(slot.name, values if slot.type == "list" else values[-1]))
        return events

    @cached_property
    def _mapped_slots(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in self.slots.values() if slot.mappings)

    def with_action_texts(self, texts: Iterable[str]) -> Domain:
        """The domain that also knows these end-to-end bot texts, as `E2EImporter` makes it."""
        return replace(self, action_texts=tuple(sorted({*self.action_texts, *texts})))


def ordered_actions(
    actions: Iterable[str], responses: Iterable[str], forms: Iterable[str]
) -> tuple[str, ...]:
    """All action names in the order of their labels; of equal ones the first."""
    return tuple(dict.fromkeys((*DEFAULT_ACTIONS, *actions, *sorted(responses), *forms)))

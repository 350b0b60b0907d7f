"""A domain as JSON, kept beside what was learnt with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from data_pipeline.dialogue.domain.domain import Domain, EntityType, IntentSettings
from data_pipeline.dialogue.domain.slots import EntityMapping, Slot


def domain_to_json(domain: Domain) -> dict[str, Any]:
    """Plain maps and lists."""
    return {
        "intents": {name: asdict(settings) for name, settings in domain.intent_settings.items()},
        "entities": [asdict(entity) for entity in domain.entity_types],
        "slots": [asdict(slot) for slot in domain.slots.values()],
        "action_names": domain.action_names,
        "forms": domain.forms,
        "action_texts": domain.action_texts,
        "store_entities_as_slots": domain.store_entities_as_slots,
    }


def domain_from_json(saved: Mapping[str, Any]) -> Domain:
    """What `domain_to_json` gave, also after a round trip through a file."""
    frozen = {key: _frozen(value) for key, value in saved.items()}
    slots = [
        Slot(**{**slot, "mappings": tuple(EntityMapping(**m) for m in slot["mappings"])})
        for slot in frozen["slots"]
    ]
    return Domain(
        intent_settings={name: IntentSettings(**s) for name, s in frozen["intents"].items()},
        entity_types=tuple(EntityType(**entity) for entity in frozen["entities"]),
        slots={slot.name: slot for slot in slots},
        action_names=frozen["action_names"],
        forms=frozen["forms"],
        action_texts=frozen["action_texts"],
        store_entities_as_slots=frozen["store_entities_as_slots"],
    )


def _frozen(value: Any) -> Any:
    """Lists as tuples, inside of maps, too."""
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return value

"""Whether the domain of an exported policy is that of the Rasa project."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Set

from rasa.shared.core.domain import Domain
from rasa.shared.exceptions import InvalidConfigException

from diet_ted_exports.exports import Export


def check_domain(export: Export, domain: Domain) -> None:
    """See that the model knows what the domain has, and no more.

    Raises:
        InvalidConfigException: it does not; with what differs.
    """
    learnt, present = _of_export(export.domain()), _of_project(domain)
    differences = [
        sentence for kind in learnt for sentence in _differences(kind, learnt[kind], present[kind])
    ]
    if differences:
        raise InvalidConfigException(
            f"{export.folder} was trained with another domain: {'; '.join(differences)}. "
            "Train and export it with this domain, or give Rasa the one that it was trained with."
        )


def _of_export(saved: Mapping[str, Any]) -> Dict[str, Set[str]]:
    return {
        "actions": {*saved["action_names"], *saved["action_texts"]},
        "intents": set(saved["intents"]),
        "entities": {entity["name"] for entity in saved["entities"]},
        "slots": {
            f"{slot['name']} ({slot['type']})"
            for slot in saved["slots"]
            if slot["influence_conversation"] and slot["type"] != "any"
        },
    }


def _of_project(domain: Domain) -> Dict[str, Set[str]]:
    return {
        "actions": set(domain.action_names_or_texts),
        "intents": set(domain.intents),
        "entities": set(domain.entities),
        "slots": {
            f"{slot.name} ({slot.type_name})" for slot in domain.slots if slot.has_features()
        },
    }


def _differences(kind: str, learnt: Set[str], present: Set[str]) -> List[str]:
    sentences = []
    if learnt - present:
        sentences.append(f"the domain lacks the {kind} {_listed(learnt - present)}")
    if present - learnt:
        sentences.append(f"the model has never seen the {kind} {_listed(present - learnt)}")
    return sentences


def _listed(names: Set[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return ", ".join(shown[:5]) + more

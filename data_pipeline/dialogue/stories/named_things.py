"""Which names of the domain stories use, so that all unknown ones are reported together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.errors import InputError
from data_pipeline.warnings_to_user import warn

KINDS = ("intent", "entity", "action", "slot", "form")
SHOWN_NAMES = 5

DEFAULT_LOOPS = ("action_two_stage_fallback",)
"""Rasa's own; a domain need not name it, and it has no feature."""


@dataclass
class NamedThings:
    """Each name by kind, and where it was used first (`file:line`, in which story).

    Attributes:
        needed: the names without which there can be no training: actions, and slots and forms
            of YAML. Without the others training goes on, as in Rasa.
    """

    first_use: dict[tuple[str, str], str] = field(default_factory=dict)
    needed: set[tuple[str, str]] = field(default_factory=set)

    def add(self, kind: str, name: str, source: str, story: str, *, needed: bool = False) -> None:
        """Note that `name` was used."""
        self.first_use.setdefault((kind, name), f"{source} in {story!r}")
        if needed:
            self.needed.add((kind, name))

    def unknown(self, domain: Domain) -> list[str]:
        """A line for every name that the domain lacks, by kind."""
        return self._lines(self._unknown(domain))

    def _unknown(self, domain: Domain) -> list[tuple[str, str]]:
        entities = {entity.name for entity in domain.entity_types}
        entities.update(domain.entity_states)
        known = {
            "intent": domain.intents,
            "entity": entities,
            "action": set(domain.actions),
            "slot": domain.slots,
            "form": {*domain.forms, *DEFAULT_LOOPS},
        }
        return [
            (kind, name)
            for wanted in KINDS
            for kind, name in self.first_use
            if kind == wanted and name not in known[kind]
        ]

    def _lines(self, names: Iterable[tuple[str, str]]) -> list[str]:
        return [f"{key[0]} {key[1]!r}, first at {self.first_use[key]}" for key in names]

    def check(self, domain: Domain) -> None:
        """Refuse stories that need what the domain does not have; warn of what it lacks otherwise.

        Raises:
            InputError: naming all unknown actions, slots and forms.
        """
        unknown = self._unknown(domain)
        needed = self._lines(key for key in unknown if key in self.needed)
        if needed:
            listed = "".join(f"\n  {line}" for line in needed)
            raise InputError(
                f"The stories use {len(needed)} name(s) that the domain does not have; add them "
                f"to the domain or correct the stories:{listed}"
            )
        if unknown:
            lines = self._lines(unknown)
            more = f"; and {len(lines) - SHOWN_NAMES} more" if len(lines) > SHOWN_NAMES else ""
            warn(
                f"The stories use {len(lines)} name(s) that the domain does not have, so that the "
                "model does not see them; add them to the domain or correct the stories: "
                f"{'; '.join(lines[:SHOWN_NAMES])}{more}"
            )

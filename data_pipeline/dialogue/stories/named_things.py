"""Which names of the domain stories use, so that all unknown ones are reported together."""

from __future__ import annotations

from dataclasses import dataclass, field

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.errors import InputError

KINDS = ("intent", "entity", "action", "slot", "form")
NO_ACTIONS = frozenset(
    "user bot slot restart rewind reset_slots reminder cancel_reminder undo export followup pause "
    "resume agent active_loop form loop_interrupted form_validation action_execution_rejected "
    "session_started entities user_featurization event".split()
)
"""Names that Rasa takes for events rather than actions."""


DEFAULT_LOOPS = ("action_two_stage_fallback",)
"""Rasa's own; a domain need not name it, and it has no feature."""


@dataclass
class NamedThings:
    """Each name by kind, and where it was used first (`file:line`, in which story)."""

    first_use: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, kind: str, name: str, source: str, story: str) -> None:
        """Note that `name` was used."""
        if (kind, name) not in self.first_use:
            self.first_use[kind, name] = f"{source} in {story!r}"

    def add_action(self, name: str, source: str, story: str) -> None:
        """Note that an action was used.

        Raises:
            InputError: Rasa would take the name for an event, such as `restart`.
        """
        if name in NO_ACTIONS:
            raise InputError(
                f"{source}: {name!r} is the name of an event, not of an action, and has no place "
                f"in {story!r}; name the action, for example 'action_restart'"
            )
        self.add("action", name, source, story)

    def unknown(self, domain: Domain) -> list[str]:
        """A line for every name that the domain lacks, by kind."""
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
            f"{kind} {name!r}, first at {place}"
            for wanted in KINDS
            for (kind, name), place in self.first_use.items()
            if kind == wanted and name not in known[kind]
        ]

    def check(self, domain: Domain) -> None:
        """Refuse stories that use what the domain does not have.

        Raises:
            InputError: naming all unknown intents, entities, actions, slots and forms.
        """
        unknown = self.unknown(domain)
        if unknown:
            listed = "".join(f"\n  {line}" for line in unknown)
            raise InputError(
                f"The stories use {len(unknown)} name(s) that the domain does not have; add them "
                f"to the domain or correct the stories:{listed}"
            )

"""The state of a dialogue: what the model may know before it predicts the next action."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from data_pipeline.dialogue.domain import Domain
from data_pipeline.dialogue.events import ACTION_LISTEN, UserUttered


class UserState(NamedTuple):
    """What of the latest user step counts; entities are states, sorted."""

    intent: str | None
    text: str | None
    entities: tuple[str, ...]


class State(NamedTuple):
    """A dialogue state; mirrors `Domain.get_active_state`.

    Attributes:
        user: None before the user has said something.
        slots: (slot, features) of the slots that are featurized and not all zero, in their order.
        action_name, action_text: the previous action, by name or by what the bot said.
        loop: the active form.
    """

    user: UserState | None
    slots: tuple[tuple[str, tuple[float, ...]], ...]
    action_name: str | None
    action_text: str | None
    loop: str | None

    @property
    def follows_user(self) -> bool:
        """Whether the user spoke last, so that what was said is a feature of this state."""
        return self.action_name == ACTION_LISTEN


def user_state(event: UserUttered, domain: Domain) -> UserState | None:
    """What counts of a user step; entities of an end-to-end text do not."""
    if event.intent is None:
        return UserState(None, event.text, ()) if event.text else None
    entities = domain.featurized_entities(event.intent, event.entities)
    return UserState(event.intent, event.text, entities)


@dataclass
class StateTable:
    """Numbers states in the order of their first appearance: dialogues are lists of numbers."""

    domain: Domain
    states: list[State] = field(default_factory=list)
    _numbers: dict[State, int] = field(default_factory=dict)
    _users: dict[UserUttered, UserState | None] = field(default_factory=dict)

    def number(self, state: State) -> int:
        """The number of the state; a new one for a new state."""
        number = self._numbers.setdefault(state, len(self.states))
        if number == len(self.states):
            self.states.append(state)
        return number

    def user(self, event: UserUttered) -> UserState | None:
        """`user_state`, remembered."""
        if event not in self._users:
            self._users[event] = user_state(event, self.domain)
        return self._users[event]

"""What happens in a dialogue: the events that stories are made of (`rasa.shared.core.events`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ACTION_LISTEN = "action_listen"


@dataclass(frozen=True, slots=True)
class StoryEntity:
    """An entity of a user step; `start` and `end` are known only where a text was annotated."""

    entity: str
    value: Any
    role: str | None = None
    group: str | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class UserUttered:
    """The user has said something: an intent with entities, or, end to end, a text.

    Where a story gives both, as test stories do, both are kept.
    """

    intent: str | None
    text: str | None = None
    entities: tuple[StoryEntity, ...] = ()

    @property
    def is_end_to_end(self) -> bool:
        """Whether the text alone says what was meant."""
        return self.intent is None


@dataclass(frozen=True, slots=True)
class ActionExecuted:
    """The bot has done something: an action by name, or, end to end, said a text.

    Attributes:
        unpredictable: nothing came before it that it could be predicted from.
    """

    name: str | None
    text: str | None = None
    unpredictable: bool = False

    @property
    def label(self) -> str:
        """What is to be predicted."""
        return self.name or self.text or ""


@dataclass(frozen=True, slots=True)
class SlotSet:
    """A slot got a value; None empties it. Lists are tuples."""

    slot: str
    value: Any


@dataclass(frozen=True, slots=True)
class ActiveLoop:
    """A form was activated, or (None) the active one deactivated."""

    name: str | None


Event = UserUttered | ActionExecuted | SlotSet | ActiveLoop

LISTEN = ActionExecuted(ACTION_LISTEN)

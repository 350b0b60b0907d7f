"""What a trained model may be asked: a model has one of these roles, however it was loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, ClassVar, Protocol

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import Event


class Role(Enum):
    """What a model is asked; the value says it to the user."""

    UNDERSTANDS = "answers messages"
    """Loaded it is an `Understands`."""
    ACTS = "goes on with dialogues"
    """Loaded from a run it is a `Policy`, from an export `RanksActions`."""
    REMARKS = "remarks on dialogues"
    """Loaded it is a `Remarks`."""


class Understands(Protocol):
    """What messages mean."""

    def answer(self, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
        """One answer per text, in order: a part of what Rasa's `parse` gives, with `text`."""


class RanksActions(Protocol):
    """What the bot may do next.

    Attributes:
        component: what Rasa calls it, as in `policies:` of `config.yml`.
    """

    component: ClassVar[str]

    @property
    def domain(self) -> Domain:
        """What dialogues are told in."""

    def next_actions(self, dialogues: Sequence[Sequence[Event]]) -> list[list[dict[str, Any]]]:
        """Of each dialogue the actions that may follow, best first: `name` and `confidence`."""


class Policy(RanksActions, Protocol):
    """The same, by which a dialogue can be led."""

    @property
    def knows_texts(self) -> bool:
        """Whether what a user says can count by its text alone, without an intent."""

    def entities(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        """What is found in the text that the user has just said, as in a message's answer."""


class Remarks(Protocol):
    """What else there is to say of a dialogue.

    Attributes:
        component: what Rasa calls it, as in `policies:` of `config.yml`.
    """

    component: ClassVar[str]

    @property
    def domain(self) -> Domain:
        """What dialogues are told in."""

    def remarks(self, dialogues: Sequence[Sequence[Event]]) -> list[dict[str, Any] | None]:
        """What is said of each dialogue as it is now; None = nothing.

        `unlikely` is part of it: whether the bot is to do `action_unlikely_intent`.
        """

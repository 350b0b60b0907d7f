"""What answers a batch of texts, or of dialogues; and where such a thing comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import LISTEN, Event, UserUttered

Answer = dict[str, Any]
"""Of a text: in the form of Rasa's `parse`."""
Ranking = list[dict[str, Any]]
"""Of a dialogue: the actions that may follow, best first, with `name` and `confidence`."""


@dataclass(frozen=True)
class Prediction:
    """What a policy says to a dialogue.

    Attributes:
        policy: what Rasa calls it.
        metadata: what it notes with the likeliest action, if anything.
    """

    policy: str
    ranking: Ranking
    metadata: dict[str, Any] | None = None

    @property
    def confidence(self) -> float:
        """Of the likeliest action."""
        return self.ranking[0]["confidence"] if self.ranking else 0.0


Messages = Callable[[Sequence[str]], list[Answer]]
Dialogues = Callable[[Sequence[Sequence[Event]]], list[Prediction]]


@dataclass(frozen=True)
class Answering:
    """One version of what was trained, loaded.

    Attributes:
        version: names it, for people.
        models: what is loaded: name -> facts.
        messages: texts -> answers; None if no model answers messages.
        dialogues: dialogues -> predictions; None if no model goes on with dialogues.
        domain: of the dialogues.
    """

    version: str
    models: Mapping[str, Any]
    messages: Messages | None = None
    dialogues: Dialogues | None = None
    domain: Domain | None = None

    @property
    def answers(self) -> list[str]:
        """Which of the two it answers, by name."""
        given = {"messages": self.messages, "dialogues": self.dialogues}
        return [name for name, function in given.items() if function is not None]

    def warm_up(self) -> None:
        """Answer once, since a model's first answer takes seconds."""
        if self.messages is not None:
            self.messages(["hello", "hello there"])
        if self.dialogues is not None and self.domain is not None:
            said = UserUttered(next(iter(self.domain.intents), None))
            self.dialogues([[LISTEN], [LISTEN, said]])


class Source(Protocol):
    """A place on disk where versions of models appear.

    Attributes:
        place: where that is.
    """

    place: Path

    def newest(self) -> object:
        """What is there now, to be compared; looks at names and times alone, loads nothing.

        Raises:
            InputError: there is nothing.
        """

    def load(self) -> Answering:
        """Load it.

        Raises:
            InputError: it cannot be loaded.
        """

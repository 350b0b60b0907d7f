"""What the readers of all story files of a project share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import Event
from data_pipeline.dialogue.stories.named_things import NamedThings
from data_pipeline.dialogue.stories.story_steps import StoryBuilder


@dataclass
class StoryReading:
    """One reading of stories.

    Attributes:
        domain: what slots are like depends on it.
        names: every name that was used.
    """

    domain: Domain
    names: NamedThings = field(default_factory=NamedThings)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _events: dict[str, Event] = field(default_factory=dict)

    def builder(self, name: str, *, is_rule: bool = False) -> StoryBuilder:
        """For a new story or rule."""
        return StoryBuilder(name, self._numbers, is_rule)

    def shared(self, event: Event) -> Event:
        """The event itself or an equal one known before: most events occur in many stories.

        Told apart by how they are written out, because to Python 1 equals True.
        """
        return self._events.setdefault(repr(event), event)

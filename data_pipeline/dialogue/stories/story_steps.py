"""Story steps: the pieces between checkpoints that stories are made of, and how they are built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import (
    ACTION_LISTEN,
    LISTEN,
    ActionExecuted,
    Event,
    UserUttered,
)

STORY_START = "STORY_START"
GENERATED_PREFIX = "GENR_"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where stories are joined. `conditions`: (slot, value) pairs that must hold to start here."""

    name: str
    conditions: tuple[tuple[str, Any], ...] = ()


@dataclass(eq=False, slots=True)
class StoryStep:
    """Consecutive events of a story or rule.

    Attributes:
        number: counts the steps made while reading; the order of steps follows from it.
        start_checkpoints: a copy of a step shares this list with it (see `StoryGraph`).
        end_checkpoints: none = the story ends here.
    """

    number: int
    name: str
    start_checkpoints: list[Checkpoint]
    end_checkpoints: list[Checkpoint] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    is_rule: bool = False

    @property
    def key(self) -> str:
        """What steps are sorted by: as words, as in `StoryGraph.topological_sort`."""
        return f"{self.number}_"

    def copy(self, number: int | None = None) -> StoryStep:
        """The same step, under a new number if one is given."""
        return StoryStep(
            self.number if number is None else number,
            self.name,
            self.start_checkpoints or [],
            self.end_checkpoints or [],
            self.events[:],
            self.is_rule,
        )

    def explicit_events(self, domain: Domain) -> list[Event]:
        """The events with those that a story leaves unsaid.

        The bot listens before each user step and at the end of the story; entities fill slots
        (`StoryStep.explicit_events`).
        """
        events: list[Event] = []
        for event in self.events:
            if isinstance(event, UserUttered):
                _listen(events)
                events.append(event)
                events += domain.slot_events(event.entities)
            else:
                events.append(event)
        if not self.end_checkpoints:
            _listen(events)
        return events


def _listen(events: list[Event]) -> None:
    last = events[-1] if events else None
    if not isinstance(last, ActionExecuted) or last.name != ACTION_LISTEN:
        events.append(LISTEN)


class StoryBuilder:
    """Cuts one story or rule into steps, as its parts are read from top to bottom.

    Mirrors `rasa.shared.core.training_data.story_reader.story_step_builder.StoryStepBuilder`.
    """

    def __init__(self, name: str, numbers: Iterator[int], is_rule: bool = False) -> None:
        self._name = name
        self._numbers = numbers
        self._is_rule = is_rule
        self._starts: list[Checkpoint] = []
        self._current: list[StoryStep] = []
        self._finished: list[StoryStep] = []

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """At the top of a story where it starts, below an event where it goes on elsewhere."""
        if not self._current:
            self._starts.append(checkpoint)
            return
        end = Checkpoint(checkpoint.name)
        copies = []
        for step in self._current:
            target = step
            if step.end_checkpoints:
                target = step.copy(next(self._numbers))
                copies.append(target)
            target.end_checkpoints = [end]
        self._current += copies

    def add_event(self, event: Event) -> None:
        self._open_steps()
        for step in self._current:
            step.events.append(event)

    def add_alternatives(self, alternatives: Sequence[Event]) -> None:
        """Events of which one happens: a copy of the step for each, all ending in one place."""
        if len(alternatives) == 1:
            self.add_event(alternatives[0])
            return
        self._open_steps()
        meeting = Checkpoint(self._meeting_place(alternatives))
        branches = []
        for step in self._current:
            for event in alternatives:
                branch = step.copy(next(self._numbers))
                branch.events.append(event)
                branch.end_checkpoints = [meeting]
                branches.append(branch)
        self._current = branches

    def steps(self) -> list[StoryStep]:
        """All steps of the story."""
        return self._finished + self._current

    def _open_steps(self) -> None:
        """Makes `_current` steps that events can be added to."""
        self._finished += [step for step in self._current if step.end_checkpoints]
        unfinished = [step for step in self._current if not step.end_checkpoints]
        if not unfinished:
            starts = self._starts
            if self._current:
                ends = (end.name for step in self._current for end in step.end_checkpoints)
                starts = [Checkpoint(name) for name in dict.fromkeys(ends)]
            unfinished = [
                StoryStep(
                    next(self._numbers),
                    self._name,
                    starts or [Checkpoint(STORY_START)],
                    is_rule=self._is_rule,
                )
            ]
        self._current = unfinished

    def _meeting_place(self, alternatives: Sequence[Event]) -> str:
        """A name that equal alternatives in equal places of stories of one name share."""
        events = [repr(event) for step in self._current for event in step.events]
        starts = {start.name for step in self._current for start in step.start_checkpoints}
        place = (self._name, events, sorted(starts), sorted(map(repr, alternatives)))
        return f"{GENERATED_PREFIX}OR_{place!r}"


def bot_texts(steps: Iterable[StoryStep]) -> list[str]:
    """The distinct end-to-end bot texts of the steps, sorted."""
    actions = (e for step in steps for e in step.events if isinstance(e, ActionExecuted))
    return sorted({action.text for action in actions if action.text})

"""From story steps to training dialogues: checkpoints joined, stories glued, duplicates dropped.

Mirrors `rasa.shared.core.generator.TrainingDataGenerator`.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

from data_pipeline.dialogue.domain.events import ActionExecuted, UserUttered
from data_pipeline.dialogue.stories.story_steps import (
    GENERATED_PREFIX,
    STORY_START,
    Checkpoint,
    StoryStep,
)
from data_pipeline.dialogue.trackers.states import StateTable
from data_pipeline.dialogue.trackers.story_graph import story_graph
from data_pipeline.dialogue.trackers.tracker import Tracker
from data_pipeline.warnings_to_user import warn

AUGMENTATION_ROUNDS = 3
TRACKERS_PER_FACTOR = 10
AUGMENTATION_SEED = 42  # Rasa's own, whatever the seed of the run is


def training_trackers(
    steps: Sequence[StoryStep], table: StateTable, *, augmentation_factor: int = 50
) -> list[Tracker]:
    """The distinct dialogues that the steps tell, then those glued together of several stories.

    Args:
        steps: of stories, as read; rules are not trained on.
        table: numbers the states, and knows the domain.
        augmentation_factor: how many finished dialogues each of three rounds goes on from; at
            most ten times as many glued ones are kept. 0 = no gluing.
    """
    return _Generation(steps, table, augmentation_factor).run()


class _Generation:
    """The state of one generation: phases go through all steps until nothing new is reached."""

    def __init__(self, steps: Sequence[StoryStep], table: StateTable, factor: int) -> None:
        graph = story_graph(steps)
        self._steps = graph.steps
        self._continued_at = graph.continued_at
        self._table = table
        self._factor = factor
        self._random = random.Random(AUGMENTATION_SEED)
        self._seen: set[int] = set()
        self._ended: list[Tracker] = []
        self._used: set[str] = set()
        for step in self._steps:
            _mark_unpredictable(step)

    def run(self) -> list[Tracker]:
        waiting: dict[str, list[Tracker]] = defaultdict(list)
        waiting[STORY_START].append(Tracker(self._table))
        stranded = self._join_checkpoints(waiting)
        self._augment()
        trackers = [*stranded, *self._ended]
        if not self._factor:
            return trackers
        originals = [tracker for tracker in trackers if not tracker.is_augmented]
        augmented = [tracker for tracker in trackers if tracker.is_augmented]
        return originals + self._sample(augmented, self._factor * TRACKERS_PER_FACTOR)

    def _join_checkpoints(self, waiting: dict[str, list[Tracker]]) -> list[Tracker]:
        """Phases until no new checkpoint is reached; returns dialogues left at a dead end."""
        previous: set[str] = set()
        while any(waiting.values()):
            unused = self._phase(waiting, limit=None)
            unused |= {name for name in waiting if name not in self._used}
            waiting = defaultdict(
                list,
                {name: waiting.get(name, []) for name in unused if name != STORY_START},
            )
            if unused == previous or not any(waiting.values()):
                dead_ends = unused - self._used
                self._report(dead_ends)
                return [t for name in sorted(dead_ends) for t in waiting.get(name, [])]
            previous = unused
        return []

    def _augment(self) -> None:
        """Rounds in which finished dialogues go on with other stories."""
        waiting = self._continued()
        for _ in range(AUGMENTATION_ROUNDS if self._factor else 0):
            if not any(waiting.values()):
                return
            self._used = set()
            self._phase(waiting, limit=self._factor * TRACKERS_PER_FACTOR)
            waiting = self._continued()

    def _continued(self) -> dict[str, list[Tracker]]:
        """Some finished dialogues, back at the start of all stories without their last listening.

        All finished ones are shuffled for it, even if none is wanted: their order is Rasa's.
        """
        waiting: dict[str, list[Tracker]] = defaultdict(list)
        for tracker in self._sample(self._ended, self._factor):
            continued = tracker.without_last_action()
            continued.is_augmented = True
            waiting[STORY_START].append(continued)
        return waiting

    def _phase(self, waiting: dict[str, list[Tracker]], limit: int | None) -> set[str]:
        """Goes once through all steps; returns the checkpoints that another phase may start at."""
        unused: set[str] = set()
        for step in self._steps:
            incoming: list[Tracker] = []
            for start in step.start_checkpoints:
                if waiting[start.name]:
                    incoming += _fulfilling(start, waiting[start.name])
                    self._used.add(start.name)
                elif start.name not in self._used:
                    unused.add(start.name)
            if not incoming:
                continue
            incoming = _distinct(incoming, set())
            if limit is not None:
                incoming = self._sample(incoming, limit)
            trackers = self._process(step, incoming)
            for end in step.end_checkpoints:
                name = self._continued_at.get(end.name, end.name)
                waiting[name] += trackers
                if name in self._used:
                    unused.add(name)
            if not step.end_checkpoints:
                self._ended += _distinct(trackers, self._seen)
        return unused

    def _process(self, step: StoryStep, incoming: Sequence[Tracker]) -> list[Tracker]:
        """Copies of the dialogues in which the events of the step have happened."""
        events = step.explicit_events(self._table.domain)
        trackers = []
        for tracker in incoming:
            copied = tracker.copy()
            if not copied.name:
                copied.name = step.name
            elif step.name not in copied.name.split(" > "):
                copied.name = f"{copied.name} > {step.name}"
            for event in events:
                copied.update(event)
            trackers.append(copied)
        return trackers

    def _sample(self, trackers: list[Tracker], limit: int) -> list[Tracker]:
        """Shuffles the list itself and returns its beginning, as `_subsample_array` does."""
        self._random.shuffle(trackers)
        return trackers[:limit]

    def _report(self, dead_ends: set[str]) -> None:
        """Say where stories cannot begin, or end where nothing goes on."""
        if STORY_START in dead_ends:
            warn("Every story begins at a checkpoint: none of them can be reached.")
        shown = {name for name in dead_ends if not name.startswith(GENERATED_PREFIX)}
        for step in self._steps:
            for name in sorted(shown & {start.name for start in step.start_checkpoints}):
                warn(f"{step.name!r} begins at {name!r}, where no story ends.")
            for name in sorted(shown & {end.name for end in step.end_checkpoints}):
                warn(f"{step.name!r} ends at {name!r}, where no story begins.")


def _mark_unpredictable(step: StoryStep) -> None:
    """An action at the very start has nothing before it that it could be predicted from."""
    if all(start.name != STORY_START for start in step.start_checkpoints):
        return
    for position, event in enumerate(step.events):
        if isinstance(event, UserUttered):
            return
        if isinstance(event, ActionExecuted):
            step.events[position] = ActionExecuted(event.name, event.text, unpredictable=True)
            return


def _fulfilling(start: Checkpoint, trackers: Iterable[Tracker]) -> list[Tracker]:
    """The dialogues in which the conditions of the checkpoint hold."""
    return [
        tracker
        for tracker in trackers
        if all(tracker.value(slot) == value for slot, value in start.conditions)
    ]


def _distinct(trackers: Iterable[Tracker], seen: set[int]) -> list[Tracker]:
    """The dialogues whose states are not among those seen; what is remembered is a hash."""
    distinct = []
    for tracker in trackers:
        identity = hash(tracker.states())
        if identity not in seen:
            seen.add(identity)
            distinct.append(tracker)
    return distinct

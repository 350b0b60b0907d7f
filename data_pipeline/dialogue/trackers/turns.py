"""What can be learnt from a dialogue: the state before each action, and which action it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_pipeline.dialogue.domain.events import ActionExecuted, Event
from data_pipeline.dialogue.trackers.states import StateTable
from data_pipeline.dialogue.trackers.tracker import Tracker, collapsed, replayed

UNLIKELY_INTENT = "action_unlikely_intent"
NO_LABEL = -1


@dataclass(frozen=True)
class Turns:
    """The turns of one dialogue.

    Attributes:
        states: number of the state before each action.
        labels: index of the action among `Domain.actions`, or `NO_LABEL` where it cannot be
            predicted because nothing came before it.
    """

    states: tuple[int, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.states)


@dataclass(frozen=True)
class Window:
    """One example: the turns `[first, last]` of a dialogue; the label is that of the last."""

    first: int
    last: int


def turns_of(tracker: Tracker, table: StateTable, label_ids: dict[str, int]) -> Turns:
    """The turns of a training dialogue.

    A form that goes on asking counts once (`collapsed`), in states as in labels, because that is
    what a dialogue looks like when an action is to be predicted. (Rasa's own training examples
    pair the collapsed actions with the states of the uncollapsed dialogue.)
    """
    events, states = as_it_counts(tracker, table)
    actions = [event for event in events if isinstance(event, ActionExecuted)]
    labels = (NO_LABEL if a.unpredictable else label_ids[a.label] for a in actions)
    return Turns(states[: len(actions)], tuple(labels))


def as_it_counts(tracker: Tracker, table: StateTable) -> tuple[list[Event], tuple[int, ...]]:
    """The events of a dialogue that count, and the number of the state before each action.

    The action that says "unlikely intent" leaves no trace: neither itself nor the state after.
    """
    applied = collapsed(tracker.events)
    states = tracker.past
    if len(applied) < len(tracker.events):
        states = replayed(applied, table).past
    events = [
        event
        for event in applied
        if not (isinstance(event, ActionExecuted) and event.name == UNLIKELY_INTENT)
    ]
    return events, tuple(n for n in states if table.states[n].action_name != UNLIKELY_INTENT)


class WindowCutter:
    """Cuts dialogues into the examples of `MaxHistoryTrackerFeaturizer`, each only once.

    Attributes:
        max_history: states per example at most; None = all since the start.
    """

    def __init__(self, max_history: int | None, *, remove_duplicates: bool = True) -> None:
        self.max_history = max_history
        self._remove_duplicates = remove_duplicates
        self._seen: set[int] = set()

    def windows(self, turns: Turns) -> Iterator[Window]:
        """The windows whose states and label did not occur before; hashes are remembered."""
        for last, label in enumerate(turns.labels):
            if label == NO_LABEL:
                continue
            first = max(0, last + 1 - self.max_history) if self.max_history else 0
            if self._remove_duplicates:
                identity = hash((turns.states[first : last + 1], label))
                if identity in self._seen:
                    continue
                self._seen.add(identity)
            yield Window(first, last)

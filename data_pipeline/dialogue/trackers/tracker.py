"""A dialogue as it unfolds: the events so far, and the state before each action."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from data_pipeline.dialogue.domain.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    SlotSet,
    UserUttered,
)
from data_pipeline.dialogue.trackers.states import StateTable


class Tracker:
    """Follows one dialogue; mirrors `TrackerWithCachedStates`.

    Attributes:
        name: the stories it went through, joined by ` > `.
        events: all so far.
        past: the number of the state before each action, in the table.
        is_augmented: whether it goes on where a story had ended.
    """

    __slots__ = (
        "name",
        "events",
        "past",
        "is_augmented",
        "_table",
        "_user",
        "_slots",
        "_action",
        "_loop",
    )

    def __init__(self, table: StateTable) -> None:
        self.name = ""
        self.events: list[Event] = []
        self.past: list[int] = []
        self.is_augmented = False
        self._table = table
        self._user = 0
        self._slots = table.initial_slots
        self._action: tuple[str | None, str | None] = (None, None)
        self._loop: str | None = None

    def copy(self) -> Tracker:
        """A tracker that goes on from here by itself."""
        twin = Tracker(self._table)
        twin.name, twin.is_augmented = self.name, self.is_augmented
        twin.events, twin.past = self.events[:], self.past[:]
        twin._user, twin._slots = self._user, self._slots
        twin._action, twin._loop = self._action, self._loop
        return twin

    def update(self, event: Event) -> None:
        """The event happens."""
        if isinstance(event, ActionExecuted):
            self.past.append(self.current())
            self._action = (event.name, event.text)
        elif isinstance(event, UserUttered):
            self._user = self._table.user(event)
        elif isinstance(event, ActiveLoop):
            self._loop = event.name
        else:
            self._slots = self._table.slots_after(self._slots, event)
        self.events.append(event)

    def value(self, name: str) -> Any:
        """The value of a slot; None where there is no such slot."""
        slot = self._table.domain.slots.get(name)
        if slot is None:
            return None
        for event in reversed(self.events):
            if isinstance(event, SlotSet) and event.slot == name:
                return slot.stored(event.value)
        return slot.stored(slot.initial_value)

    def current(self) -> int:
        """The number of the state that now is."""
        return self._table.number(self._user, self._slots, self._action, self._loop)

    def states(self) -> tuple[int, ...]:
        """The numbers of the states before each action, and of the one that now is."""
        return (*self.past, self.current())

    def without_last_action(self) -> Tracker:
        """The dialogue before its last action, by which it is continued.

        Mirrors the event `ActionReverted`, which plays the collapsed events again.
        """
        earlier = replayed(_before_last_action(collapsed(self.events)), self._table)
        earlier.events = _before_last_action(self.events)
        earlier.past = self.past[:-1]
        return earlier


def replayed(events: Iterable[Event], table: StateTable) -> Tracker:
    """The dialogue in which these events have happened."""
    tracker = Tracker(table)
    for event in events:
        tracker.update(event)
    return tracker


def _before_last_action(events: Sequence[Event]) -> list[Event]:
    last = max(i for i, event in enumerate(events) if isinstance(event, ActionExecuted))
    return list(events[:last])


def collapsed(events: Sequence[Event]) -> list[Event]:
    """The events, a form that goes on asking counting once.

    When the action of a form repeats although the user just answered, the repetition and the user
    and action events since its previous execution go; slot events stay. First runs and returns
    from another path are kept (`DialogueStateTracker.applied_events`).
    """
    loops = {event.name for event in events if isinstance(event, ActiveLoop) and event.name}
    applied: list[Event] = []
    for event in events:
        action = event.name if isinstance(event, ActionExecuted) else None
        if action in loops and not _is_first_or_returns(action, applied):
            applied = _until_previous_run(action, applied)
        else:
            applied.append(event)
    return applied


def _is_first_or_returns(loop: str | None, applied: Sequence[Event]) -> bool:
    next_action: str | None = None
    for event in reversed(applied):
        if isinstance(event, ActiveLoop) and event.name is None:
            return True
        if isinstance(event, UserUttered) and next_action not in (None, loop):
            return True
        if isinstance(event, ActionExecuted):
            if event.name == loop:
                return False
            next_action = event.name
    return True


def _until_previous_run(loop: str | None, applied: Sequence[Event]) -> list[Event]:
    last = max(i for i, e in enumerate(applied) if isinstance(e, ActionExecuted) and e.name == loop)
    kept = [e for e in applied[last + 1 :] if not isinstance(e, ActionExecuted | UserUttered)]
    return [*applied[: last + 1], *kept]

"""What can be learnt of intents from dialogues: which of them follow the bot's actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from data_pipeline.dialogue.dialogue_arrays import DialogueShard, ShardBuilder
from data_pipeline.dialogue.domain.events import ActionExecuted, UserUttered
from data_pipeline.dialogue.trackers.states import StateTable
from data_pipeline.dialogue.trackers.tracker import Tracker, collapsed
from data_pipeline.dialogue.trackers.turns import NO_LABEL, Turns, Window, as_it_counts

NO_INTENT = -1
"""Fills up the intents of an example that has fewer than others."""


def can_be_learnt_from(tracker: Tracker) -> bool:
    """Whether all that was said is known by intent, and all that was done by an action's name.

    Mirrors `UnexpecTEDIntentPolicy._get_trackers_for_training`.
    """
    return not any(
        (isinstance(event, UserUttered) and event.is_end_to_end)
        or (isinstance(event, ActionExecuted) and event.name is None)
        for event in collapsed(tracker.events)
    )


class IntentExamples:
    """Gathers the examples of `IntentMaxHistoryTrackerFeaturizer`.

    An example is the states before the user speaks, up to that before the bot began to listen. Each
    is there only once, with every intent that follows it in some dialogue.

    Args:
        max_history: States per example at most; None = all since the start.
        intents: Of the domain, in its order.
    """

    def __init__(self, max_history: int | None, intents: Sequence[str]) -> None:
        self._max_history = max_history
        self._ids = {intent: number for number, intent in enumerate(intents)}
        self._building = ShardBuilder()
        self._number_of: dict[int, int] = {}  # hashes are remembered
        self._intents: list[set[int]] = []

    def __len__(self) -> int:
        return len(self._intents)

    def add(self, tracker: Tracker, table: StateTable) -> None:
        """The examples of one dialogue, which `can_be_learnt_from`; the domain has its intents."""
        events, states = as_it_counts(tracker, table)
        windows = []
        for turns, intent in _user_steps(events):
            first = max(0, turns - self._max_history) if self._max_history else 0
            identity = hash(states[first:turns])
            number = self._number_of.setdefault(identity, len(self._intents))
            if number == len(self._intents):
                self._intents.append(set())
                windows.append(Window(first, turns - 1))
            self._intents[number].add(self._ids[intent])
        self._building.add(Turns(states, (NO_LABEL,) * len(states)), windows)

    def shard(self) -> DialogueShard:
        """The states of all examples; they have no actions as labels."""
        return self._building.shard()

    def intent_ids(self) -> np.ndarray:
        """`[examples, most]` int32: the intents that follow each, sorted, then `NO_INTENT`."""
        most = max(map(len, self._intents), default=0)
        rows = [sorted(ids) + [NO_INTENT] * (most - len(ids)) for ids in self._intents]
        return np.array(rows, np.int32).reshape([len(rows), most])


def _user_steps(events: Sequence) -> Iterator[tuple[int, str]]:
    """How many actions there were before the user said something, and by which intent."""
    actions = 0
    for event in events:
        if isinstance(event, ActionExecuted):
            actions += 1
        elif isinstance(event, UserUttered) and event.intent and actions:
            yield actions, event.intent

"""Rasa's trackers, asked for their states with the values of slots instead of their features."""

from __future__ import annotations

import copy
from typing import Any, Dict, List, Optional

from rasa.shared.core.domain import Domain, State
from rasa.shared.core.slots import Slot
from rasa.shared.core.trackers import DialogueStateTracker

from diet_ted_exports.turns import as_text


def states_of(
    tracker: DialogueStateTracker, domain: Domain, rule_only_data: Optional[Dict[str, Any]]
) -> List[State]:
    """The states before each action, as Rasa shows them to policies that learn from stories.

    What rules alone have done leaves no trace. A slot that has features has one instead: its value,
    as `as_text` writes it.
    """
    told = DialogueStateTracker(
        tracker.sender_id,
        [_ToldSlot(slot) for slot in tracker.slots.values()],
        is_rule_tracker=tracker.is_rule_tracker,
    )
    told.events = tracker.events
    return told.past_states(domain, ignore_rule_only_turns=True, rule_only_data=rule_only_data)


class _ToldSlot:
    """What a tracker needs of a slot. No subclass of `Slot`: Rasa looks slot types up there."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    def __copy__(self) -> _ToldSlot:
        return _ToldSlot(copy.copy(self._slot))

    @property
    def name(self) -> str:
        return self._slot.name

    @property
    def value(self) -> Any:
        return self._slot.value

    @value.setter
    def value(self, value: Any) -> None:
        self._slot.value = value

    def reset(self) -> None:
        self._slot.reset()

    def as_feature(self) -> List[str]:
        return [as_text(self.value)] if any(self._slot.as_feature()) else []

"""The state of a dialogue: what the model may know before it predicts the next action."""

from __future__ import annotations

from typing import NamedTuple

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import ACTION_LISTEN, SlotSet, UserUttered


class UserState(NamedTuple):
    """What of the latest user step counts; entities are states, sorted."""

    intent: str | None
    text: str | None
    entities: tuple[str, ...]


class State(NamedTuple):
    """A dialogue state; mirrors `Domain.get_active_state`.

    Attributes:
        user: None before the user has said something.
        slots: (slot, features) of the slots that are featurized and not all zero, in their order.
        action_name, action_text: the previous action, by name or by what the bot said.
        loop: the active form.
    """

    user: UserState | None
    slots: tuple[tuple[str, tuple[float, ...]], ...]
    action_name: str | None
    action_text: str | None
    loop: str | None

    @property
    def follows_user(self) -> bool:
        """Whether the user spoke last, so that what was said is a feature of this state."""
        return self.action_name == ACTION_LISTEN


def user_state(event: UserUttered, domain: Domain) -> UserState | None:
    """What counts of a user step; entities of an end-to-end text do not."""
    if not event.intent:
        return UserState(None, event.text, ()) if event.text else None
    entities = domain.featurized_entities(event.intent, event.entities)
    return UserState(event.intent, event.text, entities)


SlotFeatures = tuple[tuple[str, tuple[float, ...]], ...]


class StateTable:
    """Numbers states in the order of their first appearance: dialogues are lists of numbers.

    What the user said and what the slots are is numbered, too, so that following a dialogue is a
    few look-ups per event, however many slots there are.

    Attributes:
        domain: decides what counts in a state.
        states: by number.
    """

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.states: list[State] = []
        self._numbers: dict[tuple, int] = {}
        self._users: list[UserState | None] = [None]
        self._user_numbers: dict[UserState | None, int] = {None: 0}
        self._user_of_event: dict[UserUttered, int] = {}
        self._slots: list[SlotFeatures] = []
        self._slot_numbers: dict[SlotFeatures, int] = {}
        self._slots_after: dict[tuple, int] = {}
        slots = domain.slots.values()
        self.initial_slots = self._numbered_slots(
            tuple((slot.name, slot.features(slot.stored(slot.initial_value))) for slot in slots)
        )

    def number(
        self, user: int, slots: int, action: tuple[str | None, str | None], loop: str | None
    ) -> int:
        """The number of a state, a new one for a new state.

        Args:
            user: from `user`; 0 before the user has said something.
            slots: from `initial_slots` and `slots_after`.
            action: the previous action's name, or what the bot said.
        """
        key = (user, slots, action, loop)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.states)
            self.states.append(State(self._users[user], self._slots[slots], *action, loop))
        return number

    def by_text(self, number: int) -> int:
        """The number of the same state, the user's last step being known by its text alone.

        The number itself where the user did not speak last or no text is known.
        """
        state = self.states[number]
        if not state.follows_user or state.user is None or not state.user.text:
            return number
        self.states.append(state._replace(user=UserState(None, state.user.text, ())))
        return len(self.states) - 1

    def user(self, event: UserUttered) -> int:
        """The number of what counts of a user step."""
        number = self._user_of_event.get(event)
        if number is None:
            state = user_state(event, self.domain)
            number = self._user_numbers.setdefault(state, len(self._users))
            if number == len(self._users):
                self._users.append(state)
            self._user_of_event[event] = number
        return number

    def slots_after(self, slots: int, event: SlotSet) -> int:
        """The number of what the slots are once one of them has been set."""
        slot = self.domain.slots.get(event.slot)
        if slot is None or not slot.width:
            return slots
        key = (slots, event.slot, type(event.value), event.value)  # 1 equals True, but is no truth
        if key not in self._slots_after:
            features = dict(self._slots[slots])
            features[slot.name] = slot.features(slot.stored(event.value))
            in_order = (name for name in self.domain.slots if name in features)
            self._slots_after[key] = self._numbered_slots(
                tuple((name, features[name]) for name in in_order)
            )
        return self._slots_after[key]

    def _numbered_slots(self, features: SlotFeatures) -> int:
        """The number of the slots that are not all zero."""
        seen = tuple((name, numbers) for name, numbers in features if any(numbers))
        number = self._slot_numbers.setdefault(seen, len(self._slots))
        if number == len(self._slots):
            self._slots.append(seen)
        return number

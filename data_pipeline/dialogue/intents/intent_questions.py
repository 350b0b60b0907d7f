"""From told dialogues to questions for a model: whether the user was to be expected to say that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_pipeline.dialogue.dialogue_arrays import ShardBuilder
from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.dialogue_store import DialogueStore
from data_pipeline.dialogue.domain.events import ActionExecuted, Event, UserUttered
from data_pipeline.dialogue.predictions import add_example, states_after
from data_pipeline.dialogue.trackers.states import StateTable
from data_pipeline.dialogue.trackers.turns import NO_LABEL


@dataclass(frozen=True)
class UserStep:
    """What the user said in a dialogue, by an intent that the domain has.

    Attributes:
        dialogue: Index of the dialogue.
        position: Of the step among its events.
    """

    dialogue: int
    position: int
    intent: str


def user_steps_of(
    featurizer: DialogueFeaturizer,
    dialogues: Sequence[Sequence[Event]],
    max_history: int | None,
) -> tuple[list[UserStep], DialogueStore]:
    """Every step of the user with a known intent, in order, and an example for each.

    Args:
        dialogues: Events as `Tracker.events` has them.
        max_history: Of the model.
    """
    table = StateTable(featurizer.domain)
    steps, building = [], ShardBuilder()
    for number, events in enumerate(dialogues):
        for position, event in enumerate(events):
            if isinstance(event, UserUttered) and event.intent in featurizer.domain.intents:
                steps.append(UserStep(number, position, event.intent))
                _add(building, events[: position + 1], table, max_history)
    return steps, DialogueStore(featurizer.tables(table.states), [building.shard()])


def questions_about_last(
    featurizer: DialogueFeaturizer,
    dialogues: Sequence[Sequence[Event]],
    max_history: int | None,
) -> DialogueStore:
    """An example for each dialogue, as `user_steps_of` makes it: what the user may say, instead of
    what was said last.
    """
    table = StateTable(featurizer.domain)
    building = ShardBuilder()
    for events in dialogues:
        _add(building, events, table, max_history)
    return DialogueStore(featurizer.tables(table.states), [building.shard()])


def said_last(events: Sequence[Event], featurizer: DialogueFeaturizer) -> str | None:
    """The intent that the user has just come with; None if there is none to be asked about.

    That is so if the bot has acted since, or the domain lacks the intent. Mirrors
    `UnexpecTEDIntentPolicy._should_skip_prediction`.
    """
    for event in reversed(events):
        if isinstance(event, ActionExecuted):
            return None
        if isinstance(event, UserUttered):
            return event.intent if event.intent in featurizer.domain.intents else None
    return None


def _add(
    building: ShardBuilder, events: Sequence[Event], table: StateTable, max_history: int | None
) -> None:
    """The states before the user spoke; the one after it would tell what was said."""
    states = states_after(events, table)
    if table.states[states[-1]].follows_user:
        states = states[:-1]
    add_example(building, states, NO_LABEL, max_history)

"""From told dialogues to questions for a model: which action follows each state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_pipeline.dialogue.dialogue_arrays import ShardBuilder
from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.dialogue_store import DialogueStore
from data_pipeline.dialogue.domain.events import ActionExecuted, Event
from data_pipeline.dialogue.trackers.states import StateTable
from data_pipeline.dialogue.trackers.tracker import collapsed, replayed
from data_pipeline.dialogue.trackers.turns import NO_LABEL, UNLIKELY_INTENT, Turns, Window


@dataclass(frozen=True)
class Question:
    """An action of a dialogue that is to be predicted from what came before it.

    Attributes:
        dialogue: index of the dialogue.
        position: of the action among its events.
        action: what the dialogue says, also if no label has that name.
    """

    dialogue: int
    position: int
    action: str


def questions_of(
    featurizer: DialogueFeaturizer,
    dialogues: Sequence[Sequence[Event]],
    max_history: int | None,
    *,
    by_text: bool = False,
) -> tuple[list[Question], DialogueStore]:
    """Every action of the dialogues but the first, in order, and an example for each.

    The first is the bot listening. Mirrors `rasa.core.test._predict_tracker_actions`. A label is
    -1 where the action is none that the model knows.

    Args:
        dialogues: events as `Tracker.events` has them.
        max_history: of the model; None for all states, also for a model of full dialogues.
        by_text: the user's last step counts by its text, as end to end, rather than its intent.
    """
    table = StateTable(featurizer.domain)
    label_ids = featurizer.label_ids()
    questions, building = [], ShardBuilder()
    for number, events in enumerate(dialogues):
        for position, event in enumerate(events):
            if isinstance(event, ActionExecuted) and position:
                questions.append(Question(number, position, event.label))
                label = label_ids.get(event.label, NO_LABEL)
                states = states_after(events[:position], table, by_text=by_text)
                add_example(building, states, label, max_history)
    return questions, DialogueStore(featurizer.tables(table.states), [building.shard()])


def next_questions(
    featurizer: DialogueFeaturizer,
    dialogues: Sequence[Sequence[Event]],
    max_history: int | None,
    *,
    by_text: bool = False,
) -> DialogueStore:
    """An example per dialogue, as `questions_of` makes it: what follows it? Its label is -1."""
    table = StateTable(featurizer.domain)
    building = ShardBuilder()
    for events in dialogues:
        states = states_after(events, table, by_text=by_text)
        add_example(building, states, NO_LABEL, max_history)
    return DialogueStore(featurizer.tables(table.states), [building.shard()])


def states_after(
    events: Sequence[Event], table: StateTable, *, by_text: bool = False
) -> tuple[int, ...]:
    """The states to predict from: forms that go on asking count once, as in training."""
    states = replayed(collapsed(events), table).states()
    states = tuple(n for n in states if table.states[n].action_name != UNLIKELY_INTENT)
    return (*states[:-1], table.by_text(states[-1])) if by_text else states


def add_example(
    building: ShardBuilder, states: tuple[int, ...], label: int, max_history: int | None
) -> None:
    """An example of the last `max_history` of these states, in which the label follows."""
    states = states[-max_history:] if max_history else states
    labels = (*(NO_LABEL for _ in states[1:]), label)
    building.add(Turns(states, labels), [Window(0, len(states) - 1)])

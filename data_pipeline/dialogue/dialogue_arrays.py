"""Dialogues as arrays: turns as numbers of states, examples as ranges of turns.

A state has per attribute the number of a value, and only distinct values have features. The turns
of a dialogue are stored once, however many examples are cut from it: a million turns are eight
megabytes, and nearly all of it can stay on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from data_pipeline.batches.example_store import ExampleStore
from data_pipeline.dialogue.state_features import ABSENT, ATTRIBUTES
from data_pipeline.dialogue.trackers.turns import Turns, Window


@dataclass(frozen=True)
class DialogueTables:
    """What states look like to the model.

    Attributes:
        state_values: `[states, attributes]` int32, the value of each of `ATTRIBUTES` or -1.
        rows: attribute -> `[values, width]` float32, of the attributes that occur in training.
        texts: `text` and `action_text`, if they occur -> the texts, one example per value.
        label_rows: `[labels, width]` float32, what each action looks like as `action_name`.
        label_texts: `[labels]` int32, which of `texts["action_text"]` each action is, or -1.
        tagged: whether the user texts carry entity tags.
    """

    state_values: np.ndarray
    rows: Mapping[str, csr_matrix]
    texts: Mapping[str, ExampleStore]
    label_rows: csr_matrix
    label_texts: np.ndarray
    tagged: bool = False

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that the model knows: those that occur in training."""
        return tuple(name for name in ATTRIBUTES if name in self.rows or name in self.texts)

    def values(self, attribute: str, states: np.ndarray) -> np.ndarray:
        """`[states]` int32: the value of the attribute in each state, or -1."""
        return self.state_values[states, ATTRIBUTES.index(attribute)]


@dataclass(frozen=True)
class DialogueShard:
    """Consecutive dialogues and the examples cut from them. Arrays may be memory-mapped.

    Attributes:
        turn_states: `[turns]` int32, the state before each action, dialogue after dialogue.
        turn_labels: `[turns]` int32, the action, or -1 where it cannot be predicted.
        firsts: `[examples]` int32, the first turn of each example.
        lengths: `[examples]` int32, how many turns it has.
    """

    turn_states: np.ndarray
    turn_labels: np.ndarray
    firsts: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def labels(self) -> np.ndarray:
        """`[examples]` int32: the action after the last turn of each example."""
        return np.asarray(self.turn_labels[self.firsts + self.lengths - 1])


class ShardBuilder:
    """Gathers dialogues and the windows cut from them.

    Attributes:
        states, labels: of the turns so far.
        firsts, lengths: of the examples so far.
    """

    def __init__(self) -> None:
        self.states: list[int] = []
        self.labels: list[int] = []
        self.firsts: list[int] = []
        self.lengths: list[int] = []

    def add(self, turns: Turns, windows: Iterable[Window]) -> None:
        """One dialogue; of one without examples nothing is kept."""
        before, start = len(self.lengths), len(self.states)
        for window in windows:
            self.firsts.append(start + window.first)
            self.lengths.append(window.last + 1 - window.first)
        if len(self.lengths) > before:
            self.states += turns.states
            self.labels += turns.labels

    def shard(self) -> DialogueShard:
        """Everything so far."""
        arrays = (self.states, self.labels, self.firsts, self.lengths)
        return DialogueShard(*(np.array(values, np.int32) for values in arrays))


@dataclass(frozen=True)
class DialogueRows:
    """Some examples, their turns one after the other.

    Attributes:
        lengths: `[examples]` int32, turns per example.
        states: `[turns]` int32.
        labels: `[turns]` int32; the last of each example is its label.
    """

    lengths: np.ndarray
    states: np.ndarray
    labels: np.ndarray


def occurring(state_values: np.ndarray) -> set[str]:
    """The attributes that some state has."""
    present = (state_values != ABSENT).any(axis=0)
    return {name for name, occurs in zip(ATTRIBUTES, present, strict=True) if occurs}

"""All examples of prepared dialogues: what TED's batches are made from."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from data_pipeline.batches.examples import ranges
from data_pipeline.dialogue.dialogue_arrays import DialogueRows, DialogueShard, DialogueTables
from data_pipeline.dialogue.dialogue_batches import assemble_dialogues, text_positions


class DialogueStore:
    """All examples of a data set, in shards, with the tables that give their ids a meaning.

    Attributes:
        full_dialogues: whether an example has a label for each of its turns, not only for the last.
        labels: `[examples]` int32, the last one of each.
    """

    def __init__(
        self,
        tables: DialogueTables,
        shards: Sequence[DialogueShard],
        *,
        full_dialogues: bool = False,
    ):
        self.tables = tables
        self.full_dialogues = full_dialogues
        self._shards = shards
        self._first = np.cumsum([0, *map(len, shards)])
        self.labels = np.concatenate([shard.labels() for shard in shards])
        self.lengths = np.concatenate([shard.lengths for shard in shards])

    def __len__(self) -> int:
        return int(self._first[-1])

    def take(self, indices: np.ndarray) -> DialogueRows:
        """The examples with these indices (`[n]`, 0-based over all shards), in this order."""
        lengths = self.lengths[indices]
        states, labels = np.zeros((2, int(lengths.sum())), np.int32)
        starts = np.cumsum(lengths) - lengths
        shard_ids = np.searchsorted(self._first, indices, side="right") - 1
        for number in np.unique(shard_ids):
            here = np.flatnonzero(shard_ids == number)
            shard = self._shards[number]
            rows = indices[here] - self._first[number]
            turns = ranges(shard.firsts[rows], lengths[here])
            into = ranges(starts[here], lengths[here])
            states[into] = shard.turn_states[turns]
            labels[into] = shard.turn_labels[turns]
        return DialogueRows(lengths, states, labels)

    def batch(
        self, mine: np.ndarray, whole: np.ndarray, keys: Collection[str]
    ) -> dict[str, np.ndarray]:
        """One replica's batch; see `data_pipeline.batches.dataset.BatchSource`."""
        positions = (
            text_positions(self.tables, self.take(whole).states) if self.tables.texts else {}
        )
        return assemble_dialogues(self, mine, positions)

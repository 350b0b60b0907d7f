"""All examples of a data set: what batches are made from."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from data_pipeline.batches.assembly import assemble, padded_length
from data_pipeline.batches.examples import Examples, FeatureTables, join


class ExampleStore:
    """All examples of a data set, in shards, with the tables that give their ids a meaning."""

    def __init__(self, tables: FeatureTables, shards: Sequence[Examples]):
        self.tables = tables
        self._shards = shards
        sizes = [len(shard) for shard in shards]
        self._first = np.cumsum([0, *sizes])
        self.labels = np.concatenate([shard.labels for shard in shards])
        self.lengths = np.concatenate([shard.lengths for shard in shards])

    def __len__(self) -> int:
        return int(self._first[-1])

    def take(self, indices: np.ndarray) -> Examples:
        """The examples with these indices (`[n]`, 0-based over all shards), in this order."""
        if not len(indices):  # a replica's share of a last batch may be padding alone
            return self._shards[0].take(indices)
        shard_ids = np.searchsorted(self._first, indices, side="right") - 1
        grouped = np.argsort(shard_ids, kind="stable")
        parts = [
            self._shards[shard].take(indices[shard_ids == shard] - self._first[shard])
            for shard in np.unique(shard_ids)
        ]
        if len(parts) == 1:
            return parts[0]
        return join(parts).take(np.argsort(grouped))

    def batch(
        self, mine: np.ndarray, whole: np.ndarray, keys: Collection[str]
    ) -> dict[str, np.ndarray]:
        """One replica's batch; see `data_pipeline.batches.dataset.BatchSource`."""
        heads = tuple(key.removesuffix("_tags") for key in keys if key.endswith("_tags"))
        return assemble(self, mine, padded_length(self.lengths[whole]), heads)

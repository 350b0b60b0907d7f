"""Names of intents, actions and forms in the graph: each has its row of features."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
from scipy.sparse import csr_matrix

from data_pipeline.text_graph.strings.trie import UNKNOWN, StringNumbers


class NameRows(tf.Module):
    """The features of names; a name that is not known has none.

    Args:
        names: distinct.
        rows: `[names, width]`, what they look like.

    Call: `[n]` string -> `[values, 2]` int64, (place, column) sorted, and `[values]` float32.

    >>> rows = NameRows(["a"], csr_matrix([[0.0, 2.0]]))
    >>> [part.numpy().tolist() for part in rows(tf.constant(["b", "a"]))]
    [[[1, 1]], [2.0]]
    """

    def __init__(self, names: Sequence[str], rows: csr_matrix) -> None:
        super().__init__()
        rows = csr_matrix(rows)
        rows.sort_indices()
        self._numbers = StringNumbers({name: number for number, name in enumerate(names)})
        # One row more, without features, for the unknown ones.
        self._starts = tf.constant([*rows.indptr, rows.indptr[-1]], tf.int64)
        self._columns = tf.constant(rows.indices, tf.int64)
        self._values = tf.constant(rows.data, tf.float32)
        self._unknown = len(names)

    def __call__(self, names: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        numbers = self._numbers.of_strings(names)
        numbers = tf.where(tf.not_equal(numbers, UNKNOWN), numbers, self._unknown)
        found = tf.raw_ops.RaggedRange(
            starts=tf.gather(self._starts, numbers),
            limits=tf.gather(self._starts, numbers + 1),
            deltas=tf.constant(1, tf.int64),
        )
        splits, cells = found.rt_nested_splits, found.rt_dense_values
        places = tf.searchsorted(splits, tf.range(tf.size(cells, tf.int64)), side="right") - 1
        columns = tf.gather(self._columns, cells)
        indices = tf.stack([tf.cast(places, tf.int64), columns], axis=1)
        return indices, tf.gather(self._values, cells)

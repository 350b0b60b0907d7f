"""A wide kernel whose rows belong to one replica each, which alone multiplies and updates them.

So large embedding tables are trained (model parallelism, as in DLRM, arXiv:1906.00091). All
replicas need what comes of the product, far less than the rows that a batch touches:

    everyone's features -> product of those with own rows -> sum over replicas, own examples of it

and back: everyone's gradient of the outputs -> gradient of own rows, complete as it is. Neither
rows nor their gradient are exchanged. Row r belongs to replica r modulo their number. On all others
it stands still meanwhile; `synchronise` gives it to them.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from model.layers.sparse import SparseRows, sparse_product
from model.replicas import Replicas
from trainer.training.rows.lazy_rows import LazyRows

ROWS_AT_ONCE = 8192
"""That replicas give each other together."""


class OwnedRows:
    """The rows of one kernel, on one of the replicas.

    Args:
        rows: of the kernel, under Adam.
    """

    def __init__(self, rows: LazyRows, replicas: Replicas):
        self._rows = rows
        self._replicas = replicas
        self._block = max(ROWS_AT_ONCE // replicas.count, 1)

    def product(self, features: SparseRows) -> tf.Tensor:
        """This replica's features times the kernel as it is by now, `[count, units]` float32.

        The gradient of the kernel is that of the global batch, as `tf.IndexedSlices` of unique
        rows, all of them this replica's.
        """
        if self._replicas.count == 1:
            return sparse_product(features, self._rows.current)
        sizes = tf.stack([tf.cast(features.count, tf.int32), tf.size(features.columns)])
        (of_all,) = self._replicas.all_gather([sizes[tf.newaxis]])
        counts, stored = tf.unstack(of_all, axis=1)
        # The rows of each replica's own part: what is sent waits for no exchange before it.
        places = [tf.cast(part, tf.int32) for part in (features.rows, features.columns)]
        sent = [*places, tf.stop_gradient(features.values)]
        rows, columns, values = self._replicas.all_gather(sent, stored)
        rows += tf.repeat(tf.cumsum(counts, exclusive=True), stored)
        everyones = SparseRows(rows, columns, values, tf.reduce_sum(counts))
        partial = sparse_product(self._with_own_columns(everyones), self._rows.current)
        return self._own_examples_of_sum(partial, counts)

    def _with_own_columns(self, features: SparseRows) -> SparseRows:
        """The features (int32 rows and columns) whose rows of the kernel belong to this replica."""
        index = self._replicas.index
        own = tf.where(features.columns % self._replicas.count == index)[:, 0]
        rows, columns, values = (tf.gather(part, own) for part in features[:3])
        # An empty matrix crashes (see `DenseForSparse`), and a stored zero changes nothing.
        rows = tf.concat([rows, [features.count - 1]], axis=0)
        columns = tf.concat([columns, [index]], axis=0)
        values = tf.concat([values, [0.0]], axis=0)
        return SparseRows(
            tf.cast(rows, tf.int64), tf.cast(columns, tf.int64), values, features.count
        )

    def _own_examples_of_sum(self, partial: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """The sum of everyone's `[sum of counts, units]`; of that the `counts` rows of this one."""
        index = self._replicas.index
        first = tf.reduce_sum(counts[:index])

        @tf.custom_gradient
        def own_examples(partial: tf.Tensor) -> tuple[tf.Tensor, Callable]:
            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                return self._replicas.all_gather([upstream], counts)[0]

            (total,) = self._replicas.all_reduce_sum([partial])
            return total[first : first + counts[index]], gradient

        return own_examples(partial)

    @property
    def blocks(self) -> range:
        """The first rows of what `synchronise` takes, one after the other."""
        return range(0, self._rows.count, self._block * self._replicas.count)

    def synchronise(self, start: tf.Tensor, *, caught_up: bool) -> None:
        """Write the rows of one block on every replica as they are where they belong.

        Args:
            start: int64 scalar, of `blocks`.
            caught_up: bring them up to date first. Else they are left as they were last written,
                and training goes on from them as it would have.
        """
        replicas = tf.range(self._replicas.count, dtype=tf.int64)[:, tf.newaxis]
        places = tf.range(self._block, dtype=tf.int64) * self._replicas.count
        of_all = start + replicas + places
        # Behind the last row each repeats one of its own: as many rows come from all.
        of_all = tf.where(of_all < self._rows.count, of_all, replicas)
        own = of_all[self._replicas.index]
        state = self._rows.caught_up(own) if caught_up else self._rows.as_written(own)
        everyones = self._replicas.all_gather(list(state))
        self._rows.write(tf.reshape(of_all, [-1]), everyones)

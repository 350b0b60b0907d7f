"""Real positions only: examples of unequal length laid end to end, so no layer works on padding.

Everything in these models but attention and the CRF treats each position on its own. On padded
grids half of that work is thrown away; on packed rows it is not done, and no draw of noise depends
on how far a batch happens to be padded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class Packing(NamedTuple):
    """Which cells of a `[batch, time]` grid are real, and in which packed row each one lies.

    Attributes:
        cells: `[packed, 2]` int64, the (example, position) of each packed row, in grid order.
        starts: `[batch]` int32, the packed row of each example's first position.
        lengths: `[batch]` int32, how many positions each example has.
        time: int32 scalar, the width of the grid.

    >>> packing = Packing.of_lengths(tf.constant([2, 1]), tf.constant(3))
    >>> packing.pack(tf.constant([[1, 2, 0], [3, 0, 0]])).numpy().tolist()
    [1, 2, 3]
    """

    cells: tf.Tensor
    starts: tf.Tensor
    lengths: tf.Tensor
    time: tf.Tensor

    @classmethod
    def of_lengths(cls, lengths: tf.Tensor, time: tf.Tensor) -> Packing:
        """The packing of examples that fill the first `lengths` (`[batch]`) of `time` cells."""
        cells = tf.where(tf.sequence_mask(lengths, time))
        return cls(cells, tf.cumsum(lengths, exclusive=True), lengths, time)

    def filled_up(self, count: tf.Tensor) -> Packing:
        """The packing of `count` rows: those there are and, behind them, examples of no meaning.

        >>> packing = Packing.of_lengths(tf.constant([2, 1]), tf.constant(2)).filled_up(6)
        >>> packing.lengths.numpy().tolist()
        [2, 1, 2, 1]
        """
        surplus = count - tf.shape(self.cells)[0]
        whole = tf.fill([surplus // self.time], self.time)
        rest = tf.fill([tf.minimum(surplus % self.time, 1)], surplus % self.time)
        return Packing.of_lengths(tf.concat([self.lengths, whole, rest], 0), self.time)

    def pack(self, grid: tf.Tensor) -> tf.Tensor:
        """The real cells of `[batch, time, ...]` as `[packed, ...]`."""
        return tf.gather_nd(grid, self.cells)

    def unpack(self, rows: tf.Tensor, time: tf.Tensor | None = None) -> tf.Tensor:
        """Lay `[packed, width]` out as `[batch, time, width]`, with zeros at padding.

        Rows of positions from `time` on, an int32 scalar, are left out; None = none.

        >>> packing = Packing.of_lengths(tf.constant([2, 1]), tf.constant(2))
        >>> packing.unpack(tf.constant([[1], [2], [3]]))[..., 0].numpy().tolist()
        [[1, 2], [3, 0]]
        >>> packing.unpack(tf.constant([[1], [2], [3]]), tf.constant(1))[..., 0].numpy().tolist()
        [[1], [3]]
        """
        time = self.time if time is None else time
        cells = self.rows_of_cells()[:, :time]

        @tf.custom_gradient
        def laid_out(rows: tf.Tensor) -> tuple[tf.Tensor, Callable]:
            def gradient(grid: tf.Tensor) -> tf.Tensor:  # gathers, where that of a gather adds up
                example, position = tf.unstack(self.cells, axis=1)
                cell = example * tf.cast(time, tf.int64) + position
                kept = tf.where(position < tf.cast(time, tf.int64), cell, tf.size(cells, tf.int64))
                return tf.gather(with_zeros(tf.reshape(grid, [-1, rows.shape[1]])), kept)

            return tf.gather(with_zeros(rows), cells), gradient

        return laid_out(rows)

    def rows_of_cells(self) -> tf.Tensor:
        """`[batch, time]` int32: the packed row of each cell; of padding the number of rows.

        >>> packing = Packing.of_lengths(tf.constant([2, 1]), tf.constant(3))
        >>> packing.rows_of_cells().numpy().tolist()
        [[0, 1, 3], [2, 3, 3]]
        """
        positions = tf.range(self.time)
        rows = self.starts[:, None] + positions
        is_real = positions < self.lengths[:, None]
        return tf.where(is_real, rows, tf.shape(self.cells)[0])


def with_zeros(rows: tf.Tensor) -> tf.Tensor:
    """`[rows, width]` and one more row, of zeros: what padding is gathered from."""
    return tf.pad(rows, [[0, 1], [0, 0]])

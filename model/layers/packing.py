"""Real positions only: examples of unequal length laid end to end, so no layer works on padding.

Everything in these models but attention and the CRF treats each position on its own. On padded
grids half of that work is thrown away; on packed rows it is not done, and no draw of noise depends
on how far a batch happens to be padded.
"""

from __future__ import annotations

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

    def unpack(self, rows: tf.Tensor) -> tf.Tensor:
        """Lay `[packed, ...]` out as `[batch, time, ...]`, with zeros at padding."""
        batch_and_time = tf.stack([tf.shape(self.lengths)[0], self.time])
        shape = tf.concat([batch_and_time, tf.shape(rows)[1:]], 0)
        grid = tf.scatter_nd(self.cells, rows, tf.cast(shape, tf.int64))
        return tf.ensure_shape(grid, [None, None, *rows.shape[1:]])

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

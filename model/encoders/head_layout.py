"""From packed rows, whose heads lie side by side, to a grid per head, and back.

Each way is one gather of pieces, a head of a row each, and so is its gradient: every piece lies in
one place of the grid, so that what comes from there is gathered back. Scattering rows to a grid and
transposing that runs through memory twice, and TensorFlow's gradient of a gather adds up piece by
piece.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from model.layers.packing import Packing, with_zeros


class HeadLayout(NamedTuple):
    """Where pieces lie.

    Attributes:
        heads: how many there are.
        rows: `[batch, 1, time]` int32: the packed row of each cell; of padding the number of rows.
        places: `[packed, heads]` int32: of each piece in `[batch, heads, time]`, laid end to end.

    >>> packing = Packing.of_lengths(tf.constant([2, 1]), tf.constant(2))
    >>> layout = HeadLayout.of(packing, heads=2)
    >>> (grid,) = layout.split(tf.constant([[1, 2], [3, 4], [5, 6]]), 1)
    >>> grid[..., 0].numpy().tolist()
    [[[1, 3], [2, 4]], [[5, 0], [6, 0]]]
    >>> layout.joined(grid).numpy().tolist()
    [[1, 2], [3, 4], [5, 6]]
    """

    heads: int
    rows: tf.Tensor
    places: tf.Tensor

    @classmethod
    def of(cls, packing: Packing, heads: int) -> HeadLayout:
        """The layout of these rows."""
        example, position = tf.unstack(tf.cast(packing.cells, tf.int32), axis=1)
        head = example[:, None] * heads + tf.range(heads)
        places = head * packing.time + position[:, None]
        return cls(heads, packing.rows_of_cells()[:, None, :], places)

    def split(self, rows: tf.Tensor, count: int) -> tuple[tf.Tensor, ...]:
        """`[packed, count · units]` as `count` grids `[batch, heads, time, units / heads]`.

        Padding is 0.
        """

        @tf.custom_gradient
        def split(rows: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], Callable]:
            def gradient(*grids: tf.Tensor) -> tf.Tensor:
                return tf.concat([self._to_rows(grid) for grid in grids], 1)

            return tuple(tf.unstack(self._to_grids(rows, count))), gradient

        return split(rows)

    def joined(self, grid: tf.Tensor) -> tf.Tensor:
        """`[batch, heads, time, units / heads]` as `[packed, units]`; padding is left out."""

        @tf.custom_gradient
        def joined(grid: tf.Tensor) -> tuple[tf.Tensor, Callable]:
            return self._to_rows(grid), lambda rows: self._to_grids(rows, 1)[0]

        return joined(grid)

    def _to_grids(self, rows: tf.Tensor, count: int) -> tf.Tensor:
        """`[count, batch, heads, time, units / heads]`."""
        pieces = count * self.heads
        piece = tf.reshape(tf.range(pieces), [count, 1, self.heads, 1])
        width = rows.shape[1] // pieces
        return tf.gather(tf.reshape(with_zeros(rows), [-1, width]), self.rows * pieces + piece)

    def _to_rows(self, grid: tf.Tensor) -> tf.Tensor:
        """`[packed, units]`."""
        width = grid.shape[-1]
        pieces = tf.gather(tf.reshape(grid, [-1, width]), self.places)
        return tf.reshape(pieces, [-1, self.heads * width])

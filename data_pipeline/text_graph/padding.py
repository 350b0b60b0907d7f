"""Tables filled up: lists of unequal length, and questions without a row."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf


def padded(
    flat: Mapping[str, tf.Tensor], rows: tf.Tensor, num_rows: tf.Tensor
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Items as tables with a row per text, as wide as the longest row, filled up with 0 or "".

    >>> counts, tables = padded(
    ...     {"names": tf.constant(["a", "b"])}, tf.constant([1, 1], tf.int64), tf.constant(2)
    ... )
    >>> counts.numpy().tolist(), tables["names"].numpy().tolist()
    ([0, 2], [[b'', b''], [b'a', b'b']])

    Args:
        flat: `[items]` each.
        rows: `[items]` int64, ascending.
        num_rows: how many rows there are.

    Returns:
        `[rows]` int32, how many items each has, and the tables, `[rows, longest]`.
    """
    counts = tf.math.unsorted_segment_sum(tf.ones_like(rows, tf.int32), rows, num_rows)
    firsts = tf.cumsum(counts, exclusive=True)
    columns = tf.range(tf.reduce_max(tf.concat([[0], counts], 0)))
    item = tf.where(columns < counts[:, None], columns + firsts[:, None], tf.size(rows))
    tables = {}
    for name, values in flat.items():
        nothing = tf.fill([1], "") if values.dtype == tf.string else tf.zeros([1], values.dtype)
        tables[name] = tf.gather(tf.concat([values, nothing], 0), item)
    return counts, tables


def with_a_row(table: tf.Tensor) -> tf.Tensor:
    """The table, or if it has no rows, one row of 0 or "": models want something to work on.

    >>> with_a_row(tf.zeros([0, 2], tf.int32)).numpy().tolist()
    [[0, 0]]
    """
    missing = tf.cast(tf.equal(tf.shape(table)[0], 0), tf.int32)
    nothing = "" if table.dtype == tf.string else 0
    paddings = [[0, missing], *([[0, 0]] * (len(table.shape) - 1))]
    return tf.pad(table, paddings, constant_values=nothing)

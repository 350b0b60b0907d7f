"""Which rows of a kernel a step touches, agreed on by all replicas before anybody reads them."""

from __future__ import annotations

import tensorflow as tf

from model.replicas import Replicas


def touched_by_all(
    columns: tf.Tensor, height: int, replicas: Replicas
) -> tuple[tf.Tensor, tf.Tensor]:
    """The distinct rows of a kernel that any replica touches.

    Args:
        columns: `[stored]` int64, those that this replica touches, any number of times.
        height: how many rows the kernel has.

    Returns:
        `[n]` int64 rows, the same and in the same order on every replica, and `[stored]` int64,
        where among them each of `columns` is.
    """
    if replicas.count == 1:
        return tf.unique(columns, out_idx=tf.int64)
    counts = tf.scatter_nd(columns[:, tf.newaxis], tf.ones_like(columns, tf.int32), [height])
    touched = replicas.all_reduce_any(counts > 0)
    places = tf.cumsum(tf.cast(touched, tf.int64)) - 1
    return tf.where(touched)[:, 0], tf.gather(places, columns)

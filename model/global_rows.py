"""The rows of all replicas, where each may hold another number of them."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from model.replicas import Replicas


class GlobalRows(NamedTuple):
    """Everyone's rows, laid end to end in the order of the replicas.

    Attributes:
        tensors: `[count, ...]` each.
        first: int32 scalar, the place of this replica's first row.
        count: int32 scalar.
    """

    tensors: list[tf.Tensor]
    first: tf.Tensor
    count: tf.Tensor


def gather_rows(tensors: list[tf.Tensor], replicas: Replicas) -> GlobalRows:
    """Gather `[rows, ...]` tensors, of as many rows each, with gradient.

    Replicas exchange equally many rows, so all fill up to the largest number.
    """
    rows = tf.shape(tensors[0])[0]
    most = replicas.all_reduce_max(rows)
    own = tf.sequence_mask(rows, most, tf.int32)
    real = replicas.all_gather(own)
    counts = tf.reduce_sum(tf.reshape(real, [replicas.count, -1]), 1)
    places = tf.where(real > 0)[:, 0]

    def gather(tensor: tf.Tensor) -> tf.Tensor:
        pads = [[0, most - rows], *[[0, 0]] * (tensor.shape.rank - 1)]
        return tf.gather(replicas.all_gather(tf.pad(tensor, pads)), places)

    first = tf.cumsum(counts, exclusive=True)[replicas.index]
    return GlobalRows([gather(tensor) for tensor in tensors], first, tf.reduce_sum(counts))

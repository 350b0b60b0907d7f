"""What a loss may ask of the other replicas: their rows of the global batch, and its size.

The global batch is the concatenation of the replicas' rows in replica order; every replica holds
equally many. Weight-0 rows, which only pad, come last in it.
"""

from __future__ import annotations

from typing import Protocol

import tensorflow as tf


class Replicas(Protocol):
    """The replicas that share one global batch, as seen from within one of them."""

    @property
    def count(self) -> int:
        """How many replicas there are."""

    @property
    def index(self) -> tf.Tensor:
        """Which one this is: an int32 scalar in `[0, count)`."""

    def all_gather(self, tensor: tf.Tensor) -> tf.Tensor:
        """Concatenate everyone's `[rows, ...]` to `[count * rows, ...]`, with gradient.

        The gradient of each replica's rows is the sum of what all replicas send back to them.
        """

    def all_reduce_sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        """Sum each tensor over the replicas.

        Not for use under a gradient: what is summed must not depend on what is differentiated.
        """

    def all_reduce_max(self, tensor: tf.Tensor) -> tf.Tensor:
        """The element-wise maximum over the replicas. No gradient flows through it."""


class OneReplica:
    """The whole global batch is here."""

    count = 1

    @property
    def index(self) -> tf.Tensor:
        return tf.zeros([], tf.int32)

    def all_gather(self, tensor: tf.Tensor) -> tf.Tensor:
        return tensor

    def all_reduce_sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return list(tensors)

    def all_reduce_max(self, tensor: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(tensor)


ONE_REPLICA = OneReplica()


def global_row_offset(replicas: Replicas, local_rows: tf.Tensor) -> tf.Tensor:
    """The position in the global batch of this replica's first row (int32 scalar)."""
    return replicas.index * local_rows

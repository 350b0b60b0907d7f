"""What a model may ask of the other replicas: their rows of the global batch, and its size.

The global batch is the concatenation of the replicas' rows in replica order; every replica holds
equally many. Weight-0 rows, which only pad, come last in it.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import tensorflow as tf


class Replicas(Protocol):
    """The replicas that share one global batch, as seen from within one of them."""

    @property
    def count(self) -> int:
        """How many replicas there are."""

    @property
    def index(self) -> tf.Tensor:
        """Which one this is: an int32 scalar in `[0, count)`."""

    def all_gather(
        self, tensors: list[tf.Tensor], counts: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        """Concatenate everyone's `[rows, ...]` in the order of the replicas, with gradient.

        All tensors have equally many rows and travel together. The gradient of each replica's rows
        is the sum of what all replicas send back to them; it comes for floating-point tensors.

        Args:
            counts: `[replicas]` int32, how many rows each replica has; None = all equally many.
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

    def all_gather(
        self, tensors: list[tf.Tensor], counts: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        return list(tensors)

    def all_reduce_sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return list(tensors)

    def all_reduce_max(self, tensor: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(tensor)


ONE_REPLICA = OneReplica()


def global_row_offset(replicas: Replicas, local_rows: tf.Tensor) -> tf.Tensor:
    """The position in the global batch of this replica's first row (int32 scalar)."""
    return replicas.index * local_rows


class GlobalRows(NamedTuple):
    """Everyone's rows, laid end to end in the order of the replicas, however many each holds.

    Attributes:
        tensors: `[count, ...]` each.
        first: int32 scalar, the place of this replica's first row.
        count: int32 scalar.
    """

    tensors: list[tf.Tensor]
    first: tf.Tensor
    count: tf.Tensor


def gather_rows(
    tensors: list[tf.Tensor], replicas: Replicas, counts: tf.Tensor | None = None
) -> GlobalRows:
    """Gather `[rows, ...]` tensors, of as many rows each, with gradient.

    Args:
        counts: `[replicas]` int32, how many rows each replica holds, if that is known; else the
            replicas tell each other.
    """
    if counts is None:
        (counts,) = replicas.all_gather([tf.shape(tensors[0])[:1]])
    first, count = tf.reduce_sum(counts[: replicas.index]), tf.reduce_sum(counts)
    return GlobalRows(replicas.all_gather(tensors, counts), first, count)

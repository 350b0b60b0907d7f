"""What processes with one replica each ask of whatever joins them, inside a step."""

from __future__ import annotations

from typing import Protocol

import tensorflow as tf


class Collectives(Protocol):
    """Exchanges between all processes; all of them ask for the same ones, in the same order."""

    size: int
    """How many processes there are."""
    rank: int
    """Which one this is: `[0, size)`."""
    flag_type: tf.DType
    """The smallest type that `largest` takes."""

    def sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        """Sum each of these tensors, all of one type, over the processes, in one exchange."""

    def largest(self, tensor: tf.Tensor) -> tf.Tensor:
        """The element-wise maximum over the processes."""

    def gather(self, tensor: tf.Tensor, counts: tf.Tensor | None = None) -> tf.Tensor:
        """Concatenate everyone's `[rows, ...]` by rank.

        Args:
            counts: `[size]` int32, how many rows each process has; None = all equally many.
        """

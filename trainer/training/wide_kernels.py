"""Kernels of which each replica writes its own rows, made whole again between steps."""

from __future__ import annotations

import tensorflow as tf

from trainer.distribution.distribution import Distribution
from trainer.training.optimizer import FusedAdam


class WideKernels:
    """All wide kernels of a training, on all devices.

    Whoever reads them as a whole, to evaluate, to save or to copy them, needs one of the methods
    first. With several processes all have to call it, after the same step.

    Args:
        optimizer: follows their rows.
    """

    def __init__(self, optimizer: FusedAdam, distribution: Distribution):
        self._optimizer = optimizer
        self._distribution = distribution
        self._are_alike = True
        self._are_current = False  # a checkpoint of the middle of an epoch may come
        self._on_block = tf.function(self._on_all_replicas, autograph=False)

    def have_changed(self) -> None:
        """A step has been taken."""
        self._are_alike = self._are_current = False

    def synchronise(self) -> None:
        """Give all replicas the rows, and their moments, as they were last written.

        Training goes on as if nothing had happened.
        """
        if not self._are_alike and self._distribution.num_replicas > 1:
            self._every_block(caught_up=False)
        self._are_alike = True

    def bring_up_to_date(self) -> None:
        """Write rows that wait for their next gradient as they are by now, on all replicas."""
        if not self._are_current:
            self._every_block(caught_up=True)
        self._are_alike = self._are_current = True

    def _every_block(self, *, caught_up: bool) -> None:
        for number, rows in enumerate(self._optimizer.owned_rows):
            for start in rows.blocks:
                self._on_block(number, tf.constant(start, tf.int64), caught_up)

    def _on_all_replicas(self, number: int, start: tf.Tensor, caught_up: bool) -> None:
        rows = self._optimizer.owned_rows[number]

        def write(start: tf.Tensor) -> tf.Tensor:
            rows.synchronise(start, caught_up=caught_up)
            return tf.zeros([])

        self._distribution.run(write, (start,))

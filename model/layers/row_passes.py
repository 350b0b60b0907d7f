"""Dropout of an encoder's rows, alone and behind gelu: passes over all of their elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from model.layers.compiled import compiled
from model.layers.dense import gelu
from model.noise import Noise, dropped


class RowPasses(NamedTuple):
    """The passes of one call of an encoder.

    Attributes:
        noise: None = nothing is dropped.
        rate: Of dropout.
        compiled: Whether each is one pass over memory; see `compiled`.
    """

    noise: Noise | None
    rate: float
    compiled: bool

    def dropped(self, place: str, rows: tf.Tensor) -> tf.Tensor:
        """The rows after dropout."""
        if self.noise is None or self.rate <= 0:
            return rows
        return self._dropping(dropped, self.noise, place, rows)

    def activated(self, place: str, rows: tf.Tensor) -> tf.Tensor:
        """Their gelu after dropout."""
        if self.noise is None or self.rate <= 0:
            return gelu(rows)
        return self._dropping(_activated, self.noise, place, rows)

    def _dropping(
        self, function: Callable[..., tf.Tensor], noise: Noise, place: str, rows: tf.Tensor
    ) -> tf.Tensor:
        if self.compiled:
            return compiled(function, rows, noise.key(place), rate=self.rate)
        return function(rows, noise.key(place), rate=self.rate)


NO_DROPOUT = RowPasses(None, rate=0.0, compiled=False)


def _activated(rows: tf.Tensor, key: tf.Tensor, rate: float) -> tf.Tensor:
    return dropped(gelu(rows), key, rate)

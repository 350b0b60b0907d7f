"""Where a step's randomness comes from: a pure function of (seed, step, replica, place).

There is no generator state to save, to restore or to synchronise: the same step of the same run
draws the same numbers, on any day and after any number of resumes.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import tensorflow as tf

from model.replicas import ONE_REPLICA, Replicas

Shape: TypeAlias = "Sequence[Any] | tf.Tensor"


class Noise:
    """The draws of one training step.

    Layers get a `Noise` when they train and `None` when they answer; they name their `place`
    (their own path in the model), so that no two draws of a step are correlated.

    >>> noise = Noise(seed=1, step=tf.constant(7, tf.int64))
    >>> bool(tf.reduce_all(noise.uniform("a", [3]) == noise.uniform("a", [3])))
    True
    """

    def __init__(self, seed: int, step: tf.Tensor, replicas: Replicas = ONE_REPLICA):
        """`seed` is any int; `step` an int64 scalar tensor, the number of finished steps."""
        base = tf.stack([tf.constant(seed & 0x7FFFFFFF, tf.int32), tf.cast(step, tf.int32)])
        self._shared = base
        self._own = tf.random.experimental.stateless_fold_in(base, replicas.index + 1)

    def within(self, place: str) -> Noise:
        """The noise of the same step below `place`: for layers that are called twice in a step."""
        key = zlib.crc32(place.encode()) & 0x7FFFFFFF
        inner = copy.copy(self)
        inner._shared = tf.random.experimental.stateless_fold_in(self._shared, key)
        inner._own = tf.random.experimental.stateless_fold_in(self._own, key)
        return inner

    def _seed(self, place: str, shared: bool) -> tf.Tensor:
        key = zlib.crc32(place.encode()) & 0x7FFFFFFF
        return tf.random.experimental.stateless_fold_in(self._shared if shared else self._own, key)

    def uniform(self, place: str, shape: Shape, *, shared: bool = False) -> tf.Tensor:
        """Float32 numbers in `[0, 1)`; with `shared`, the same ones on every replica."""
        return tf.random.stateless_uniform(shape, self._seed(place, shared), dtype=tf.float32)

    def keep(self, place: str, shape: Shape, rate: float) -> tf.Tensor:
        """A bool tensor that is False with probability `rate`, drawn per replica.

        Dropout spends most of its time drawing numbers, so two 16-bit draws share one 32-bit
        word: `rate` is rounded to a multiple of 2**-16.
        """
        size = tf.reduce_prod(tf.convert_to_tensor(shape))
        words = tf.random.stateless_uniform(
            [(size + 1) // 2], self._seed(place, False), minval=None, maxval=None, dtype=tf.uint32
        )
        draws = tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:size]
        threshold = tf.constant(min(round(rate * 65536), 65535), tf.int32)
        return tf.reshape(tf.cast(draws, tf.int32) >= threshold, shape)

    def indices(
        self, place: str, shape: Shape, limit: tf.Tensor, *, shared: bool = True
    ) -> tf.Tensor:
        """Int32 numbers in `[0, limit)`; `limit` is an int32 scalar of at least 1."""
        return tf.random.stateless_uniform(
            shape, self._seed(place, shared), minval=0, maxval=limit, dtype=tf.int32
        )

    def dropout(self, place: str, inputs: tf.Tensor, rate: float) -> tf.Tensor:
        """Zero each element with probability `rate` and scale the others by `1 / (1 - rate)`."""
        if rate <= 0:
            return inputs
        keep = self.keep(place, tf.shape(inputs), rate)
        scale = tf.constant(1.0 / (1.0 - rate), inputs.dtype)
        return tf.where(keep, inputs * scale, tf.zeros([], inputs.dtype))

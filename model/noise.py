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

    def key(self, place: str) -> tf.Tensor:
        """What `kept` and `dropped` need to draw for `place`, per replica: `[2]` uint32.

        Drawn, since a seed will not do: of two places it differs in one word, and in that by the
        same in every step, which is enough for TensorFlow's generator and too little for a hash.
        """
        seed = self._seed(place, shared=False)
        return tf.random.stateless_uniform([2], seed, minval=None, maxval=None, dtype=tf.uint32)

    def keep(self, place: str, shape: Shape, rate: float) -> tf.Tensor:
        """A bool tensor that is False with probability `rate`, drawn per replica."""
        return kept(self.key(place), shape, rate)

    def indices(
        self, place: str, shape: Shape, limit: tf.Tensor, *, shared: bool = True
    ) -> tf.Tensor:
        """Int32 numbers in `[0, limit)`; `limit` is an int32 scalar of at least 1."""
        return tf.random.stateless_uniform(
            shape, self._seed(place, shared), minval=0, maxval=limit, dtype=tf.int32
        )

    def dropout(self, place: str, inputs: tf.Tensor, rate: float) -> tf.Tensor:
        """Zero each element with probability `rate` and scale the others by `1 / (1 - rate)`."""
        return dropped(inputs, self.key(place), rate)


def kept(key: tf.Tensor, shape: Shape, rate: float) -> tf.Tensor:
    """A bool tensor that is False with probability `rate`: element i is a function of (key, i).

    The function is a hash (`lowbias32` by C. Wellons, github.com/skeeto/hash-prospector, with half
    of the key between its two rounds): TensorFlow's own generator takes ten times as long, and most
    of the time of dropout was spent with it. For dropout the hash is random enough.

    Args:
        key: `[2]` uint32.
    """
    word = tf.bitcast(tf.reshape(tf.range(tf.reduce_prod(shape)), shape), tf.uint32) + key[0]
    word = _shifted(word, 16) * tf.constant(0x7FEB352D, tf.uint32)
    word = (_shifted(word, 15) + key[1]) * tf.constant(0x846CA68B, tf.uint32)
    return _shifted(word, 16) >= tf.constant(min(round(rate * 2**32), 2**32 - 1), tf.uint32)


def _shifted(word: tf.Tensor, bits: int) -> tf.Tensor:
    """Every bit together with the one that is `bits` higher."""
    return tf.bitwise.bitwise_xor(word, tf.bitwise.right_shift(word, tf.constant(bits, tf.uint32)))


def dropped(values: tf.Tensor, key: tf.Tensor, rate: float) -> tf.Tensor:
    """Zero each element with probability `rate` and scale the others by `1 / (1 - rate)`."""
    if rate <= 0:
        return values
    scale = tf.constant(1.0 / (1.0 - rate), values.dtype)
    return tf.where(kept(key, tf.shape(values), rate), values * scale, tf.zeros([], values.dtype))

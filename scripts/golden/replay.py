"""Gives Rasa random numbers that are written down: which tokens are hidden, which negatives."""

from __future__ import annotations

from unittest import mock

import numpy as np
import tensorflow as tf
from rasa.utils.tensorflow import layers, layers_utils


class ReplayedMask:
    """Within the context, `InputMask` gets its draws from here; `recorded` holds them.

    Draws are `chosen` and `action` (`[batch, time, 1]`), `padding` (`[batch, time, units]`, before
    scaling to a range) and the permutations `texts` and `positions`.

    Args:
        eager: Choose 60 % of the tokens, with a third of them masked, shuffled, and left alone, so
            that a small batch has all kinds of them.
    """

    def __init__(self, seed: int, eager: bool = False):
        self._seed = seed
        self._eager = eager
        self._original = layers.InputMask.call
        self.restart()

    def restart(self) -> None:
        """The next call draws the same numbers as the first."""
        self._rng = np.random.default_rng(self._seed)
        self._uniform = iter(("chosen", "padding", "action"))
        self._shuffled = iter(("texts", "positions"))
        self.recorded: dict[str, np.ndarray] = {}

    def uniform(self, shape, minval=0, maxval=1, dtype=tf.float32) -> tf.Tensor:
        name = next(self._uniform)
        draws = self._rng.random(np.asarray(shape)).astype(np.float32)
        if self._eager and name == "chosen":
            draws = np.interp(draws, [0, 0.4, 1], [0, 0.85, 1]).astype(np.float32)
        elif self._eager and name == "action":
            draws = np.interp(draws, [0, 1 / 3, 2 / 3, 1], [0, 0.7, 0.8, 1]).astype(np.float32)
        self.recorded[name] = draws
        return minval + (maxval - minval) * tf.constant(draws)

    def shuffle(self, values: tf.Tensor) -> tf.Tensor:
        order = self._rng.permutation(values.shape[0]).astype(np.int32)
        self.recorded[next(self._shuffled)] = order
        return tf.gather(values, order)

    def __enter__(self) -> ReplayedMask:
        def call(layer, *args, **kwargs):
            with mock.patch.object(tf.random, "uniform", self.uniform):
                with mock.patch.object(tf.random, "shuffle", self.shuffle):
                    return self._original(layer, *args, **kwargs)

        self._patch = mock.patch.object(layers.InputMask, "call", call)
        self._patch.start()
        return self

    def __exit__(self, *_) -> None:
        self._patch.stop()


class ReplayedNegatives:
    """Within the context, losses get their negatives from here; `recorded` lists them in order.

    A loss draws twice: other inputs, then other labels.
    """

    def __init__(self, seed: int):
        self._seed = seed
        self.restart()

    def restart(self) -> None:
        """The next call draws the same numbers as the first."""
        self._rng = np.random.default_rng(self._seed)
        self.recorded: list[np.ndarray] = []

    def indices(self, batch_size, n, n_max) -> tf.Tensor:
        drawn = self._rng.integers(0, int(n_max), (int(batch_size), int(n))).astype(np.int32)
        self.recorded.append(drawn)
        return tf.constant(drawn)

    def __enter__(self) -> ReplayedNegatives:
        self._patch = mock.patch.object(layers_utils, "random_indices", self.indices)
        self._patch.start()
        return self

    def __exit__(self, *_) -> None:
        self._patch.stop()

"""Adam on wide kernels of which a batch touches few rows: the others move when next looked at.

A row without gradient does not stand still under Adam: its moments decay and it moves on. But where
to is known beforehand, so nobody has to walk there step by step: what a row that was last written
after step `l` has moved by until step `t` is, with its moments m and v of then and α the step size,

    m · Σ_i α(l + i) β1^i / (√v β2^(i/2) + ε),   i = 1 … t - l,

and with r = √β2, q = √v / (√v + ε) and the geometric series of 1 / (1 - q (1 - r^i)) that is

    m / (√v + ε) · Σ_n q^n Σ_i α(l + i) β1^i (1 - r^i)^n,   n = 0, 1, 2, …,

where the inner sums are a few numbers per row. Terms are left out where they are below float32's
resolution, so this is plain Adam (`tests/trainer/training/rows/test_lazy_rows.py`), at a cost that
depends on the rows in the batch and not on the width of the kernel.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model.layers.compiled import common_length

ORDERS = 4
"""Terms of the series. The next one is about 4! ((1 - r) / (1 - β1))^4 = 1.5e-8 of the first."""

NEGLIGIBLE = 1e-8
"""Steps whose β1^i is below this no longer move a row."""


class LazyRows:
    """The rows of one kernel under Adam.

    Args:
        kernel: Keras variable `[rows, units]` float32.
        momentum, velocity: Adam's moments of it, same shape.
        last_step: Keras variable `[rows]` int32: the finished steps when a row was last written.
        iterations: Keras variable: the finished steps.
        learning_rate: Keras variable; must not change while rows are behind.
        rule: the formulas, `adam_rule`.
    """

    def __init__(
        self,
        kernel: keras.Variable,
        momentum: keras.Variable,
        velocity: keras.Variable,
        last_step: keras.Variable,
        iterations: keras.Variable,
        learning_rate: keras.Variable,
        rule: _AdamRule,
    ):
        self._kernel = kernel
        self._state = (kernel, momentum, velocity)
        self._last_step = last_step
        self._iterations = iterations
        self._learning_rate = learning_rate
        self._rule = rule
        self._read: dict[Any, Sequence[tf.Tensor]] | None = None

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._kernel.shape[0]

    def current(self, rows: tf.Tensor) -> tf.Tensor:
        """These rows of the kernel as they are by now, `[n, units]`; `rows` `[n]` int64.

        Nothing is written. The gradient goes to the kernel, if that is watched, as
        `tf.IndexedSlices`.
        """
        values = self._padded_state(rows)[0][: tf.size(rows)]
        shape = tf.constant(tuple(self._kernel.shape), tf.int64)

        @tf.custom_gradient
        def read(kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
            return values, lambda upstream: tf.IndexedSlices(upstream, rows, shape)

        return read(self._kernel.value.handle)

    def update(self, gradient: tf.IndexedSlices) -> None:
        """The step of Adam that follows `iterations`; `gradient` has unique rows."""
        rows = tf.cast(gradient.indices, tf.int64)
        state = self._padded_state(rows)
        padding = tf.shape(state[0])[0] - tf.size(rows)
        values = tf.pad(gradient.values, [[0, padding], [0, 0]])
        step, rate = self._now()
        updated = self._rule.updated(*state, step, rate, values)
        self.write(rows, [*(of[: tf.size(rows)] for of in updated), self._all_at(step + 1, rows)])

    @contextlib.contextmanager
    def read_once(self) -> Iterator[None]:
        """Within this block, of one step, the same tensor of rows is caught up but once.

        Forward pass, L2 and update ask for the same ones.
        """
        self._read = {}
        try:
            yield
        finally:
            self._read = None

    def as_written(self, rows: tf.Tensor) -> list[tf.Tensor]:
        """Kernel and moments, `[n, units]`, at these rows when they were last written, and when."""
        return [_gather(variable, rows) for variable in (*self._state, self._last_step)]

    def caught_up(self, rows: tf.Tensor) -> list[tf.Tensor]:
        """Kernel and moments at these rows by now, and the finished steps."""
        state = self._caught_up(_padded(rows))
        return [*(of[: tf.size(rows)] for of in state), self._all_at(self._now()[0], rows)]

    def write(self, rows: tf.Tensor, values: Sequence[tf.Tensor]) -> None:
        """Write what `as_written` or `caught_up` returned, maybe of another replica."""
        for variable, of_rows in zip((*self._state, self._last_step), values, strict=True):
            _scatter(variable, rows, of_rows)

    def _padded_state(self, rows: tf.Tensor) -> Sequence[tf.Tensor]:
        """`_caught_up` of the padded rows; see `read_once`."""
        if self._read is None:
            return self._caught_up(_padded(rows))
        if rows.ref() not in self._read:
            self._read[rows.ref()] = self._caught_up(_padded(rows))
        return self._read[rows.ref()]

    def _caught_up(self, rows: tf.Tensor) -> Sequence[tf.Tensor]:
        """Kernel and moments at these rows as they are by now."""
        *state, last_step = self.as_written(rows)
        return self._rule.caught_up(*state, last_step, *self._now())

    def _now(self) -> tuple[tf.Tensor, tf.Tensor]:
        """The finished steps and the learning rate."""
        step = tf.cast(tf.convert_to_tensor(self._iterations.value), tf.int32)
        return step, tf.cast(tf.convert_to_tensor(self._learning_rate.value), tf.float32)

    @staticmethod
    def _all_at(step: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        return tf.fill([tf.size(rows)], step)


class _AdamRule:
    """The formulas, on gathered rows. Compiled: each is one pass over memory instead of fifteen.

    `last` is `[n]` int32, `step` an int32 and `rate` a float32 scalar.
    """

    def __init__(self, beta_1: float, beta_2: float, epsilon: float):
        # What float32 makes of 0.999 matters after a thousand steps.
        beta_1, beta_2 = float(np.float32(beta_1)), float(np.float32(beta_2))
        self._epsilon = epsilon
        self._betas = beta_1, beta_2
        self._logs = math.log(beta_1), math.log(beta_2)
        steps = np.arange(1, math.ceil(math.log(NEGLIGIBLE) / math.log(beta_2)) + 1)
        sizes = np.sqrt(1 - beta_2**steps) / (1 - beta_1**steps)
        self._sizes = np.concatenate([[0.0], sizes]).astype(np.float32)
        i = np.arange(1, math.ceil(math.log(NEGLIGIBLE) / math.log(beta_1)) + 1)
        terms = [beta_1**i * (1 - beta_2 ** (i / 2)) ** n for n in range(ORDERS)]
        self._terms = np.stack(terms, axis=1)
        self._old = self._sums_of_old_rows()
        self.caught_up = tf.function(self._caught_up, jit_compile=True, autograph=False)
        self.updated = tf.function(self._updated, jit_compile=True, autograph=False)

    def _step_size(self, step: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        """Adam's α, in which it corrects the bias of its moments."""
        return rate * tf.gather(self._sizes, tf.minimum(step, len(self._sizes) - 1))

    def _sums_of_old_rows(self) -> np.ndarray:
        """The sums over i, for α = 1, of rows that were written so long ago that all steps count.

        By the step they were written after; from the last one on they stay the same.
        """
        sizes = np.pad(self._sizes.astype(np.float64), (0, len(self._terms)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(sizes[1:], len(self._terms))
        return (windows[: len(self._sizes)] @ self._terms).astype(np.float32)

    def _sums(self, last: tf.Tensor, step: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        """The sums over i of rows written after `last`, `[n, ORDERS]`.

        Rows of one age have the same, so they are looked up: `recent[age]` has been summed for all
        ages of this step, `_old` for all steps.
        """
        count = len(self._terms)
        ages = tf.range(count)[:, tf.newaxis]
        i = tf.range(1, count + 1)
        sizes = tf.gather(self._sizes, tf.clip_by_value(step - ages + i, 0, len(self._sizes) - 1))
        recent = tf.matmul(tf.where(i <= ages, sizes, 0.0), self._terms.astype(np.float32))
        age = step - last
        of_recent = tf.gather(recent, tf.minimum(age, count - 1))
        of_old = tf.gather(self._old, tf.minimum(last, len(self._old) - 1))
        return rate * tf.where((age < count)[:, tf.newaxis], of_recent, of_old)

    def _moved(
        self,
        momentum: tf.Tensor,
        velocity: tf.Tensor,
        last: tf.Tensor,
        step: tf.Tensor,
        rate: tf.Tensor,
    ) -> tf.Tensor:
        """How far rows have moved since they were written, `[n, units]`."""
        sums = tf.unstack(self._sums(last, step, rate)[:, :, tf.newaxis], axis=1)
        # With a root and a division only: they take longer than all the rest.
        inverse = 1 / (tf.sqrt(velocity) + self._epsilon)
        ratio = 1 - self._epsilon * inverse
        series = functools.reduce(lambda inner, term: term + ratio * inner, reversed(sums))
        return momentum * series * inverse

    def _caught_up(
        self,
        kernel: tf.Tensor,
        momentum: tf.Tensor,
        velocity: tf.Tensor,
        last: tf.Tensor,
        step: tf.Tensor,
        rate: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Kernel and moments after `step`, without a gradient since `last`."""
        kernel -= self._moved(momentum, velocity, last, step, rate)
        age = tf.cast(step - last, tf.float32)[:, tf.newaxis]
        first, second = (tf.exp(age * log) for log in self._logs)
        return kernel, momentum * first, velocity * second

    def _updated(
        self,
        kernel: tf.Tensor,
        momentum: tf.Tensor,
        velocity: tf.Tensor,
        step: tf.Tensor,
        rate: tf.Tensor,
        gradient: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Kernel and moments, caught up, after the step that follows `step` with this gradient."""
        beta_1, beta_2 = self._betas
        momentum += (gradient - momentum) * (1 - beta_1)
        velocity += (tf.square(gradient) - velocity) * (1 - beta_2)
        kernel -= self._step_size(step + 1, rate) * momentum / (tf.sqrt(velocity) + self._epsilon)
        return kernel, momentum, velocity


@functools.cache
def adam_rule(beta_1: float, beta_2: float, epsilon: float) -> _AdamRule:
    """One per set of constants, so that kernels share what is compiled."""
    return _AdamRule(beta_1, beta_2, epsilon)


def _padded(rows: tf.Tensor) -> tf.Tensor:
    """`rows` with its first repeated up to one of few lengths: each length is compiled for once."""
    missing = common_length(tf.size(rows)) - tf.size(rows)
    return tf.concat([rows, tf.fill([missing], rows[0])], axis=0)


def _gather(variable: keras.Variable, rows: tf.Tensor) -> tf.Tensor:
    # By handle, which is that of the current device's copy.
    handle = variable.value.handle
    return tf.raw_ops.ResourceGather(resource=handle, indices=rows, dtype=variable.value.dtype)


def _scatter(variable: keras.Variable, rows: tf.Tensor, values: tf.Tensor) -> None:
    handle = variable.value.handle
    tf.raw_ops.ResourceScatterUpdate(resource=handle, indices=rows, updates=values)

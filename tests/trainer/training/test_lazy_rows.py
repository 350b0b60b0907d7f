"""Rows that wait to be written are where plain Adam would have put them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.training.optimizer import FusedAdam

ROWS, UNITS = 9, 5
RATE = 0.01


def touched_rows(step: int) -> np.ndarray:
    """Row 0 always, rows 1 to 5 now and then, row 6 only at first, 7 after 300 steps, 8 never."""
    rows = [0, 1 + step % 5] if step % 3 == 0 else [0]
    return np.array(rows + [6] * (step == 0) + [7] * (step > 300), np.int64)


def gradient_of(step: int, rows: np.ndarray) -> np.ndarray:
    # From far below Adam's epsilon of 1e-7 to far above it.
    random = np.random.default_rng(step)
    return (random.normal(size=(len(rows), UNITS)) * 10.0 ** -(step % 12)).astype(np.float32)


def initial_kernel() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(ROWS, UNITS)).astype(np.float32)


def adam_in_float64(steps: int) -> np.ndarray:
    """Kingma and Ba's algorithm 1, in the form TensorFlow gives it, row by row and step by step."""
    kernel = initial_kernel().astype(np.float64)
    first, second = np.zeros_like(kernel), np.zeros_like(kernel)
    beta_1, beta_2 = float(np.float32(0.9)), float(np.float32(0.999))
    for step in range(steps):
        gradient = np.zeros_like(kernel)
        rows = touched_rows(step)
        gradient[rows] = gradient_of(step, rows)
        first += (gradient - first) * (1 - beta_1)
        second += (gradient**2 - second) * (1 - beta_2)
        size = RATE * np.sqrt(1 - beta_2 ** (step + 1)) / (1 - beta_1 ** (step + 1))
        kernel -= size * first / (np.sqrt(second) + 1e-7)
    return kernel


class Lazy:
    """A kernel trained with `follow_rows`."""

    def __init__(self):
        self.kernel = keras.Variable(initial_kernel())
        self.optimizer = FusedAdam(RATE)
        self.optimizer.build([self.kernel])
        self.rows = self.optimizer.follow_rows(self.kernel)
        self._step = tf.function(
            self._one_step,
            input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, UNITS])],
        )

    def _one_step(self, rows, values):
        gradient = tf.IndexedSlices(values, rows, tf.constant([ROWS, UNITS]))
        self.optimizer.update_step(gradient, self.kernel.value, self.optimizer.learning_rate)
        self.optimizer.iterations.assign_add(1)

    def train(self, steps: int) -> None:
        for step in range(int(self.optimizer.iterations.numpy()), steps):
            rows = touched_rows(step)
            self._step(rows, gradient_of(step, rows))


@pytest.mark.parametrize("steps", [1, 2, 20, 700])
def test_caught_up_rows_are_where_adam_step_by_step_puts_them(steps):
    lazy = Lazy()
    lazy.train(steps)
    lazy.optimizer.bring_up_to_date()
    # Half a dozen float32 roundings of weights of size 1 per hundred steps.
    np.testing.assert_allclose(lazy.kernel.numpy(), adam_in_float64(steps), rtol=0, atol=2e-6)


def test_rows_read_in_between_are_current_and_nothing_is_written():
    lazy = Lazy()
    lazy.train(50)
    before = [variable.numpy() for variable in (lazy.kernel, *lazy.optimizer.variables)]
    read = lazy.rows.current(tf.constant([8, 6, 2], tf.int64)).numpy()
    np.testing.assert_allclose(read, adam_in_float64(50)[[8, 6, 2]], rtol=0, atol=1e-6)
    for variable, value in zip((lazy.kernel, *lazy.optimizer.variables), before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_catching_up_twice_changes_nothing():
    lazy = Lazy()
    lazy.train(50)
    lazy.optimizer.bring_up_to_date()
    once = lazy.kernel.numpy()
    lazy.optimizer.bring_up_to_date()
    np.testing.assert_array_equal(lazy.kernel.numpy(), once)


def test_the_gradient_of_rows_that_are_read_is_in_slices():
    lazy = Lazy()
    lazy.train(5)
    with tf.GradientTape() as tape:
        read = lazy.rows.current(tf.constant([3, 1], tf.int64))
        total = tf.reduce_sum(read * read)
    gradient = tape.gradient(total, lazy.kernel.value)
    assert isinstance(gradient, tf.IndexedSlices)
    np.testing.assert_array_equal(gradient.indices, [3, 1])
    np.testing.assert_allclose(gradient.values, 2 * read)

"""Rows that wait to be written are where plain Adam would have put them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.layers.sparse import DenseForSparse
from model.loss_term import LossTerm, Terms
from model.replicas import ONE_REPLICA
from trainer.distribution.distribution import SingleDevice
from trainer.training import optimizer as optimizers
from trainer.training.optimizer import FusedAdam
from trainer.training.precision import LossScale
from trainer.training.step import TrainStep
from trainer.training.wide_kernels import WideKernels

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
        self.rows = self.optimizer.follow_rows(self.kernel, ONE_REPLICA)
        self._kernels = WideKernels(self.optimizer, SingleDevice())
        self._step = tf.function(
            self._one_step,
            input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, UNITS])],
        )

    def _one_step(self, rows, values):
        gradient = tf.IndexedSlices(values, rows, tf.constant([ROWS, UNITS]))
        self.optimizer.update(gradient, self.kernel.value, self.optimizer.scalars())
        self.optimizer.iterations.assign_add(1)

    def bring_up_to_date(self) -> None:
        self._kernels.have_changed()
        self._kernels.bring_up_to_date()

    def train(self, steps: int) -> None:
        for step in range(int(self.optimizer.iterations.numpy()), steps):
            rows = touched_rows(step)
            self._step(rows, gradient_of(step, rows))


@pytest.mark.parametrize("steps", [1, 2, 20, 700])
def test_caught_up_rows_are_where_adam_step_by_step_puts_them(steps):
    lazy = Lazy()
    lazy.train(steps)
    lazy.bring_up_to_date()
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
    lazy.bring_up_to_date()
    once = lazy.kernel.numpy()
    lazy.bring_up_to_date()
    np.testing.assert_array_equal(lazy.kernel.numpy(), once)


def test_the_gradient_of_rows_that_are_read_is_in_slices():
    lazy = Lazy()
    lazy.train(5)
    with tf.GradientTape() as tape:
        tape.watch(lazy.kernel.value)
        read = lazy.rows.current(tf.constant([3, 1], tf.int64))
        total = tf.reduce_sum(read * read)
    gradient = tape.gradient(total, lazy.kernel.value)
    assert isinstance(gradient, tf.IndexedSlices)
    np.testing.assert_array_equal(gradient.indices, [3, 1])
    np.testing.assert_allclose(gradient.values, 2 * read)


WIDTH, EXAMPLES = 60, 4


class Regression(keras.Model):
    """A sparse layer that learns to put out 1; its L2 constant is DIET's default."""

    def build(self, input_shape=None) -> None:
        self.layer = DenseForSparse(UNITS, regularization=0.002, name="layer")
        self.layer.build((None, WIDTH))

    def loss_terms(self, batch, noise, replicas) -> Terms:
        outputs = self.layer(batch["indices"], batch["values"], tf.constant(EXAMPLES))
        loss = tf.reduce_sum(tf.square(outputs - 1.0))
        return Terms({"loss": LossTerm(loss, tf.constant(float(EXAMPLES)))}, {})


def batch_of(step: int) -> dict[str, tf.Tensor]:
    """Two features per example, of which most are rare."""
    random = np.random.default_rng(step)
    columns = np.sort((WIDTH * random.random((EXAMPLES, 2)) ** 3).astype(np.int64), axis=1)
    rows = np.repeat(np.arange(EXAMPLES), 2)
    return {
        "indices": tf.constant(np.stack([rows, columns.ravel()], axis=1)),
        "values": tf.constant(random.normal(size=2 * EXAMPLES).astype(np.float32)),
    }


def regression(wide: int, monkeypatch) -> tuple[Regression, FusedAdam, TrainStep]:
    """A model whose kernel is trained row by row if it has at least `wide` weights."""
    monkeypatch.setattr(optimizers, "WIDE", wide)
    keras.utils.set_random_seed(1)
    model = Regression()
    model.build()
    optimizer = optimizers.make_optimizer(model, RATE, ONE_REPLICA)
    step = TrainStep(model, optimizer, SingleDevice(), LossScale("float32"), seed=0)
    spec = {
        "indices": tf.TensorSpec([None, 2], tf.int64),
        "values": tf.TensorSpec([None], tf.float32),
    }
    step.compile(spec)
    return model, optimizer, step


def test_rows_under_l2_are_where_dense_adam_puts_them(monkeypatch):
    kernels = []
    for wide in (1, WIDTH * UNITS + 1):
        model, optimizer, step = regression(wide, monkeypatch)
        names = [variable.name for variable in optimizer.variables]
        assert any(name.endswith("last_step") for name in names) == (wide == 1)
        for number in range(500):
            step(batch_of(number), number)
        step.bring_up_to_date()
        kernels.append(model.layer.kernel.numpy())
    lazy, dense = kernels
    # Half a dozen float32 roundings per hundred steps, as without L2: 1.4e-6 of the greatest. With
    # the weights of a row as they were when it was last written it was 0.2 %.
    np.testing.assert_allclose(lazy, dense, rtol=0, atol=1e-5 * np.abs(dense).max())


def test_only_training_reads_rows_through_the_optimizer(monkeypatch):
    model, optimizer, step = regression(1, monkeypatch)
    for number in range(20):
        step(batch_of(number), number)
    rows = tf.range(WIDTH, dtype=tf.int64)
    behind, current = model.layer.kernel.numpy(), optimizer.rows(model.layer.kernel, rows).numpy()
    row = np.abs(behind - current).max(axis=1).argmax()
    assert np.abs(behind - current)[row].max() > 1e-3

    def read() -> np.ndarray:
        outputs = model.layer(tf.constant([[0, row]], tf.int64), tf.ones([1]), tf.constant(1))
        return outputs[0] - model.layer.bias.numpy()

    np.testing.assert_allclose(read(), behind[row], atol=1e-6)
    with optimizer.read_by(model):
        np.testing.assert_allclose(read(), current[row], atol=1e-6)
    np.testing.assert_allclose(read(), behind[row], atol=1e-6)
    step.bring_up_to_date()
    np.testing.assert_array_equal(model.layer.kernel, current)
    np.testing.assert_allclose(read(), current[row], atol=1e-6)

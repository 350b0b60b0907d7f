"""Adam, applied in one pass over memory."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import NamedTuple

import keras
import tensorflow as tf

from model.layers.sparse import DenseForSparse
from model.replicas import Replicas
from trainer.training.rows.lazy_rows import LazyRows, adam_rule
from trainer.training.rows.owned_rows import OwnedRows

WIDE = 2**23
"""Weights of a kernel from which on it pays to update the touched rows only."""


class AdamScalars(NamedTuple):
    """What all variables of one step of Adam are updated with; float32 scalars.

    The powers are those of the betas at this step, by which Adam corrects the bias of its moments.
    """

    beta1_power: tf.Tensor
    beta2_power: tf.Tensor
    lr: tf.Tensor
    beta1: tf.Tensor
    beta2: tf.Tensor
    epsilon: tf.Tensor


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class FusedAdam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` by TensorFlow's fused kernel: the same numbers, six times faster.

    Keras updates the moments and the weights in about ten passes over memory. That dominates a
    step of DIET, whose input kernels hold tens of millions of weights; the fused kernel
    (`ResourceApplyAdam`, on CPU and GPU) reads and writes each of them once.

    Gradients may be `tf.IndexedSlices`. Rows that are not in them have gradient 0, which Adam
    does not ignore: their moments decay and they move on, as in Rasa.
    """

    def build(self, variables: list[keras.Variable]) -> None:
        super().build(variables)
        self._lazy_rows: dict[int, LazyRows] = {}
        self._owned_rows: dict[int, OwnedRows] = {}

    def follow_rows(self, kernel: keras.Variable, replicas: Replicas) -> LazyRows:
        """From now on update only those rows of `kernel` that have a gradient.

        Its gradients must be `tf.IndexedSlices` with unique rows, those that belong to this
        replica. The variable's other rows are behind until `OwnedRows.synchronise`;
        `rows` and what is returned read them as they are by now.
        """
        index = self._get_variable_index(kernel)
        last_step = self.add_variable(
            shape=kernel.shape[:1], dtype="int32", name=f"{kernel.path.replace('/', '_')}_last_step"
        )
        self._lazy_rows[index] = LazyRows(
            kernel,
            self._momentums[index],
            self._velocities[index],
            last_step,
            self.iterations,
            self._learning_rate,
            adam_rule(self.beta_1, self.beta_2, self.epsilon),
        )
        self._owned_rows[index] = OwnedRows(self._lazy_rows[index], replicas)
        return self._lazy_rows[index]

    @property
    def owned_rows(self) -> list[OwnedRows]:
        """Of each kernel of which it updates rows."""
        return list(self._owned_rows.values())

    def rows(self, variable: keras.Variable, rows: tf.Tensor) -> tf.Tensor:
        """These rows (`[n]` int64) of a variable, of its gradient's, as they are by now."""
        lazy_rows = self._lazy_rows.get(self._get_variable_index(variable))
        if lazy_rows is not None:
            return lazy_rows.current(rows)
        return tf.gather(variable.value, rows)

    def follows(self, variable: keras.Variable) -> bool:
        """Whether it updates rows of this variable only, those that belong to this replica."""
        return self._get_variable_index(variable) in self._lazy_rows

    @contextlib.contextmanager
    def read_by(self, model: keras.Model) -> Iterator[None]:
        """Within this block `model` multiplies by its kernels' rows as they are by now.

        Outside of it, and so when it answers or is saved, it knows nothing of the optimizer.
        """
        with contextlib.ExitStack() as until_done:
            for layer in _sparse_layers(model):
                index = self._get_variable_index(layer.kernel)
                if index in self._lazy_rows:
                    product = self._owned_rows[index].product
                    until_done.enter_context(layer.multiplied_by(product))
                    until_done.enter_context(self._lazy_rows[index].read_once())
            yield

    def scalars(self) -> AdamScalars:
        """Of the step that follows `iterations`; taken once for all its variables."""
        step = tf.cast(self.iterations + 1, tf.float32)
        beta1, beta2, epsilon = map(tf.constant, (self.beta_1, self.beta_2, self.epsilon))
        rate = tf.cast(self.learning_rate, tf.float32)
        return AdamScalars(tf.pow(beta1, step), tf.pow(beta2, step), rate, beta1, beta2, epsilon)

    def update(
        self, gradient: tf.Tensor | tf.IndexedSlices, variable: tf.Variable, scalars: AdamScalars
    ) -> None:
        """The step of one variable; called once per device, for that device's copy."""
        index = self._get_variable_index(variable)
        if index in self._lazy_rows:
            self._lazy_rows[index].update(gradient)
            return
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            grad=_dense(gradient),
            **scalars._asdict(),
        )


def make_optimizer(model: keras.Model, learning_rate: float, replicas: Replicas) -> FusedAdam:
    """The optimizer of a built model; of its wide kernels it writes the touched rows only.

    Args:
        replicas: share out the rows of wide kernels.
    """
    optimizer = FusedAdam(learning_rate, name="adam")
    optimizer.build(model.trainable_variables)
    for layer in _sparse_layers(model):
        if math.prod(layer.kernel.shape) >= WIDE:
            optimizer.follow_rows(layer.kernel, replicas)
    return optimizer


def _sparse_layers(model: keras.Model) -> list[DenseForSparse]:
    return [layer for layer in model._flatten_layers() if isinstance(layer, DenseForSparse)]


def _dense(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor:
    """The gradient with zeros where it has no rows.

    `tf.convert_to_tensor` does this, too, but takes several times the memory.
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    shape = tf.cast(gradient.dense_shape, gradient.indices.dtype)
    return tf.scatter_nd(gradient.indices[:, tf.newaxis], gradient.values, shape)

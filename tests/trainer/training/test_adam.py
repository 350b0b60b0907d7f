"""FusedAdam against `keras.optimizers.Adam`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.training.optimizer import FusedAdam

STEPS = 10
SHAPES = ((7, 3), (3,))


def gradients(step):
    random = np.random.default_rng(step)
    # Of very different sizes, so that the moments matter.
    return [tf.constant(random.normal(size=s) * 10.0**-step, tf.float32) for s in SHAPES]


def train(make, gradients_of, in_graph=False):
    """The variables after ten steps, and the optimizer's own."""
    random = np.random.default_rng(0)
    variables = [keras.Variable(random.normal(size=shape), dtype="float32") for shape in SHAPES]
    optimizer = make(0.01)
    optimizer.build(variables)

    def step(*given):
        for gradient, variable in zip(given, variables, strict=True):
            optimizer.update(gradient, variable.value, optimizer.scalars())
        optimizer.iterations.assign_add(1)

    step = tf.function(step) if in_graph else step
    for number in range(STEPS):
        step(*gradients_of(number))
    return [v.numpy() for v in (*variables, *optimizer.variables)]


def train_keras(gradients_of):
    random = np.random.default_rng(0)
    variables = [keras.Variable(random.normal(size=shape), dtype="float32") for shape in SHAPES]
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(variables)
    for number in range(STEPS):
        optimizer.apply(gradients_of(number), variables)
    return [v.numpy() for v in (*variables, *optimizer.variables)]


@pytest.mark.shows("learning_rate")
@pytest.mark.parametrize("in_graph", [False, True])
def test_ten_steps_equal_those_of_keras(in_graph):
    ours, theirs = train(FusedAdam, gradients, in_graph), train_keras(gradients)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


def some_rows(step):
    kernel, bias = gradients(step)
    rows = tf.constant([step % 7, (step + 3) % 7, step % 7])  # one of them twice
    return tf.IndexedSlices(tf.gather(kernel, rows), rows, tf.constant(SHAPES[0])), bias


def test_row_gradients_equal_dense_ones_with_zeros_elsewhere():
    rows = train(FusedAdam, some_rows)
    dense = train(FusedAdam, lambda step: [tf.convert_to_tensor(g) for g in some_rows(step)])
    theirs = train_keras(lambda step: [tf.convert_to_tensor(g) for g in some_rows(step)])
    for one, other, third in zip(rows, dense, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(one, third, rtol=1e-6, atol=1e-6)


def test_its_configuration_is_that_of_keras():
    ours = FusedAdam(0.02, beta_1=0.8, name="adam")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(ours))
    assert isinstance(copy, FusedAdam)
    assert copy.get_config() == ours.get_config()

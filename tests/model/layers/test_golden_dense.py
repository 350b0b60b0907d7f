"""Fully connected layers and the CRF against Rasa's numbers."""

import numpy as np
import pytest
import tensorflow as tf
from goldens import Golden, assert_close, l2_of, run_and_differentiate

from model.layers.dense import Embed, Ffnn, RandomlyConnectedDense
from model.layers.sparse import DenseForSparse


def assert_as_rasa(layer, golden):
    given = golden["input"]["x"]
    layer.build(given.shape)
    golden.give_weights(layer)
    inputs = {"x": tf.constant(given)}
    output, gradients = run_and_differentiate(
        layer, lambda: layer(inputs["x"]), golden.upstream, inputs
    )
    assert_close(output, golden["output"]["output"], "output")
    golden.assert_gradients(layer, gradients)
    return output


@pytest.mark.shows("diet.connection_density")
def test_randomly_connected_dense_with_rasas_mask():
    golden = Golden("dense_randomly_connected")
    units, density = golden.options["units"], golden.options["density"]
    layer = RandomlyConnectedDense(units, density=density, activation="gelu", regularization=0.002)
    assert_as_rasa(layer, golden)
    # Rasa's first forward pass zeroes what is not connected; ours ignores it, in L2 it would count.
    layer.kernel.assign(layer.kernel * layer.connections)
    assert_close(l2_of(layer), golden["output"]["l2"])


def test_ffnn():
    golden = Golden("dense_ffnn")
    options = golden.options
    layer = Ffnn(
        options["layer_sizes"], density=options["density"], regularization=options["reg_lambda"]
    )
    assert_as_rasa(layer, golden)
    for hidden in layer.hidden:
        hidden.kernel.assign(hidden.kernel * hidden.connections)
    assert_close(l2_of(layer), golden["output"]["l2"])


@pytest.mark.shows("diet.embedding_dimension")
def test_embed():
    golden = Golden("dense_embed")
    layer = Embed(golden.options["embed_dim"], regularization=golden.options["reg_lambda"])
    assert_as_rasa(layer, golden)
    assert_close(l2_of(layer), golden["output"]["l2"])


def test_dense_for_sparse():
    golden = Golden("dense_for_sparse")
    batch, time, width = golden["input"]["x/shape"]
    example, position, column = golden["input"]["x/indices"].T
    layer = DenseForSparse(golden.options["units"], regularization=golden.options["reg_lambda"])
    layer.build((None, int(width)))
    golden.give_weights(layer)
    indices = tf.constant(np.stack([example * time + position, column], 1))
    values = tf.constant(golden["input"]["x/values"])
    output, gradients = run_and_differentiate(
        layer,
        lambda: tf.reshape(layer(indices, values, tf.constant(batch * time)), [batch, time, -1]),
        golden.upstream,
    )
    assert_close(output, golden["output"]["output"], "output")
    golden.assert_gradients(layer, gradients)
    assert_close(l2_of(layer), golden["output"]["l2"])

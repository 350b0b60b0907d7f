import numpy as np
import pytest
import tensorflow as tf

from model.layers.dense import (
    Connections,
    Embed,
    Ffnn,
    RandomlyConnectedDense,
    count_connected_weights,
    gelu,
)
from model.noise import Noise
from model.product_policy import BFloat16Products


def noise(seed=1):
    return Noise(seed, tf.constant(5, tf.int64))


def test_gelu_and_its_gradient_are_those_of_tensorflow():
    inputs = tf.linspace(-6.0, 6.0, 101)
    results = []
    for function in (gelu, lambda x: tf.nn.gelu(x, approximate=False)):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function(inputs)
        results.append([outputs, tape.gradient(outputs, inputs)])
    np.testing.assert_allclose(results[0], results[1], atol=1e-6)


@pytest.mark.shows("diet.connection_density")
def test_minimal_connections_tile_the_identity():
    expected = [[1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, 1], [0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0]]
    np.testing.assert_array_equal(Connections(0.0)((4, 6)), expected)
    np.testing.assert_array_equal(Connections(0.0)((6, 4)), np.transpose(expected))


def test_density_and_range_of_the_initial_kernel():
    layer = RandomlyConnectedDense(400, density=0.2)
    layer.build((None, 300))
    connected = layer.connections.numpy()
    assert abs(connected.mean() - (0.2 + 0.8 / 300)) < 0.01
    assert np.all(layer.kernel.numpy()[connected == 0] == 0)
    assert np.abs(layer.kernel).max() <= (6 / 700) ** 0.5
    assert layer.connected_weights == connected.sum() + 400
    assert count_connected_weights(layer) == layer.connected_weights


def test_full_density_keeps_no_mask():
    layer = RandomlyConnectedDense(4)
    layer.build((None, 3))
    assert layer.connections is None and len(layer.non_trainable_variables) == 0


def test_missing_weights_get_no_gradient():
    layer = RandomlyConnectedDense(5, density=0.1)
    layer.build((None, 7))
    with tf.GradientTape() as tape:
        outputs = tf.reduce_sum(layer(tf.random.normal([6, 7])) ** 2)
    gradient = tape.gradient(outputs, layer.kernel.value).numpy()
    np.testing.assert_array_equal(gradient != 0, layer.connections.numpy() != 0)


@pytest.mark.parametrize("shape", [(4, 6), (2, 3, 6)])
def test_dense_is_a_matrix_product(shape):
    layer = RandomlyConnectedDense(3)
    inputs = tf.random.normal(shape)
    np.testing.assert_allclose(layer(inputs), inputs @ layer.kernel.value, atol=1e-6)


def test_products_alone_take_bfloat16():
    layer = RandomlyConnectedDense(5, density=0.3, dtype=BFloat16Products())
    layer.build((None, 64))
    layer.bias.assign(tf.fill([5], 1 / 3))
    inputs, upstream = tf.random.normal([6, 64]), tf.random.normal([6, 5])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
    found = tape.gradient(
        outputs, [inputs, layer.kernel.value, layer.bias.value], output_gradients=upstream
    )
    kernel = layer.kernel.value

    def product(one, other):  # in 16 bits, since some processors also round parts of the sum
        one, other = (tf.cast(values, tf.bfloat16) for values in (one, other))
        return tf.cast(tf.matmul(one, other), tf.float32)

    def near(one, other):  # but for the rounding of what comes out
        np.testing.assert_allclose(one, other, rtol=2**-8, atol=1e-5)

    assert {tensor.dtype for tensor in [outputs, *found]} == {tf.float32}
    near(outputs - 1 / 3, product(inputs, kernel))
    near(found[0], product(upstream, tf.transpose(kernel)))
    near(found[1], product(tf.transpose(inputs), upstream) * layer.connections)
    assert np.abs(outputs - 1 / 3 - inputs @ kernel).max() > 1e-4, "nothing was rounded"
    np.testing.assert_allclose(found[2], tf.reduce_sum(upstream, 0), rtol=1e-5)
    np.testing.assert_array_equal(layer(tf.zeros([1, 64])), tf.fill([1, 5], 1 / 3))


def test_bricks_keep_the_contract(check_layer):
    inputs = tf.random.normal([4, 6])
    for make, weights, width in (
        (lambda p: RandomlyConnectedDense(5, density=0.3, activation="gelu", dtype=p), 3, 5),
        (lambda p: Ffnn([8, 3], density=0.5, dtype=p), 6, 3),
        (lambda p: Embed(20, regularization=0.1, dtype=p), 2, 20),
    ):
        check_layer(
            make,
            lambda layer: layer.build((None, 6)),
            lambda layer: [layer(inputs)],
            weights=weights,
            width=width,
        )


def test_ffnn_without_sizes_is_the_identity():
    inputs = tf.random.normal([4, 6])
    np.testing.assert_array_equal(Ffnn([], drop_rate=0.5)(inputs, noise=noise()), inputs)


@pytest.mark.shows("diet.drop_rate")
def test_ffnn_drops_behind_each_layer_and_scales():
    layer = Ffnn([200], drop_rate=0.25)
    inputs = tf.random.normal([50, 6])
    dropped, full = layer(inputs, noise=noise()).numpy(), layer(inputs).numpy()
    kept = dropped != 0
    assert abs(kept.mean() - 0.75) < 0.02
    np.testing.assert_allclose(dropped[kept], full[kept] / 0.75, rtol=1e-5)


def test_only_asked_for_kernels_are_regularised():
    layer = Ffnn([8], regularization=0.1)
    layer.build((None, 6))
    marked = [variable.name for variable in layer.variables if variable.regularizer is not None]
    assert marked == ["kernel"]


@pytest.mark.parametrize(
    "arguments, message",
    [({"density": 1.5}, "density.*1.5"), ({"activation": "relu"}, "activation.*relu")],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandomlyConnectedDense(3, **arguments)

"""Our layer normalisation is Keras's, gradients included."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.encoders.layer_norm import RowNormalization


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_outputs_and_gradients_are_those_of_keras(dtype):
    random = np.random.default_rng(0)
    draw = lambda *shape: tf.constant(random.normal(size=shape).astype(np.float32))  # noqa: E731
    rows, upstream = 3 + 5 * draw(7, 16), draw(7, 16)
    gamma, beta = draw(16), draw(16)
    found = []
    for kind in (RowNormalization, keras.layers.LayerNormalization):
        layer = kind(epsilon=1e-6, dtype=dtype)
        layer.build((None, 16))
        layer.gamma.assign(gamma)
        layer.beta.assign(beta)
        with tf.GradientTape() as tape:
            tape.watch(rows)
            output = layer(rows)
            total = tf.reduce_sum(tf.cast(output, tf.float32) * upstream)
        weights = [layer.gamma.value, layer.beta.value]
        found.append([output, *tape.gradient(total, [rows, *weights])])
        assert output.dtype == layer.compute_dtype
    # Sums of 16 numbers in another order; half precision rounds the outputs themselves.
    tolerance = 2e-6 if dtype == "float32" else 2e-3
    for ours, kerass in zip(*found, strict=True):
        scale = np.abs(kerass).max()
        np.testing.assert_allclose(ours, kerass, rtol=0, atol=tolerance * scale)


def test_a_row_of_equal_numbers_is_finite():
    layer = RowNormalization(epsilon=1e-6)
    rows = tf.ones([2, 4])
    with tf.GradientTape() as tape:
        tape.watch(rows)
        output = layer(rows)
    assert not np.any(output) and np.isfinite(tape.gradient(output, rows)).all()


def test_normalisation_keeps_the_contract(check_layer):
    inputs = tf.random.normal([4, 6])
    check_layer(
        lambda policy: RowNormalization(epsilon=1e-6, dtype=policy),
        lambda layer: layer.build((None, 6)),
        lambda layer: [layer(inputs)],
        weights=2,
        width=6,
    )

import itertools

import numpy as np
import pytest
import tensorflow as tf

from model.encoders.attention import MultiHeadAttention
from model.encoders.transformer import TransformerEncoder, position_encoding
from model.encoders.transformer_settings import TransformerSettings
from model.layers.compiled import common_length
from model.layers.packing import Packing
from model.noise import Noise

LENGTHS = [4, 1, 3]
PACKING = Packing.of_lengths(tf.constant(LENGTHS), tf.constant(5))
ROWS = tf.random.stateless_normal([8, 6], [1, 2])


def slow_attention(layer, rows):
    """Attention of one text, position by position."""
    settings = layer.settings
    time, depth = len(rows), settings.units // settings.num_heads

    def split(dense):
        return (rows @ dense.kernel.numpy()).reshape(time, settings.num_heads, depth)

    query, key, value = split(layer.query), split(layer.key), split(layer.value)
    limit = settings.max_relative_position
    result = np.zeros([time, settings.num_heads, depth])
    for i, head in itertools.product(range(time), range(settings.num_heads)):
        seen = range(i + 1) if settings.unidirectional else range(time)
        offset = [int(np.clip(j - i, -limit, limit)) + limit for j in seen]
        keys = np.array([key[j, head] for j in seen])
        values = np.array([value[j, head] for j in seen])
        if settings.relative_keys:
            keys = keys + layer.key_table.numpy()[head, offset]
        if settings.relative_values:
            values = values + layer.value_table.numpy()[head, offset]
        scores = keys @ query[i, head] / depth**0.5
        weights = np.exp(scores - scores.max())
        result[i, head] = weights @ values / weights.sum()
    flat = result.reshape(time, -1)
    return flat @ layer.output_layer.kernel.numpy() + layer.output_layer.bias.numpy()


@pytest.mark.shows(
    "diet.number_of_attention_heads",
    "use_key_relative_attention",
    "use_value_relative_attention",
    "unidirectional_encoder",
)
@pytest.mark.parametrize("unidirectional", [False, True])
@pytest.mark.parametrize("relative", [False, True])
def test_attention_is_that_of_a_loop(unidirectional, relative):
    layer = MultiHeadAttention(
        TransformerSettings(
            units=6,
            num_heads=2,
            unidirectional=unidirectional,
            relative_keys=relative,
            relative_values=relative,
            max_relative_position=2,
        )
    )
    layer.build((None, 6))
    outputs = layer(ROWS, PACKING).numpy()
    for start, length in zip([0, 4, 5], LENGTHS, strict=True):
        expected = slow_attention(layer, ROWS.numpy()[start : start + length])
        np.testing.assert_allclose(outputs[start : start + length], expected, atol=1e-5)


def test_relative_tables_have_rasas_shape_and_range():
    for unidirectional, offsets in ((False, 11), (True, 6)):
        layer = MultiHeadAttention(
            TransformerSettings(
                units=8, num_heads=2, relative_keys=True, unidirectional=unidirectional
            )
        )
        layer.build((None, 8))
        assert layer.key_table.shape == (2, offsets, 4)
        assert np.abs(layer.key_table).max() <= (6 / (2 * offsets + 2 * 4)) ** 0.5


@pytest.mark.shows("diet.drop_rate_attention")
def test_attention_dropout_hides_keys_without_scaling():
    layer = MultiHeadAttention(TransformerSettings(units=6, num_heads=2, drop_rate_attention=0.5))
    layer.build((None, 6))
    packing = Packing.of_lengths(tf.constant([1]), tf.constant(1))
    noise = Noise(1, tf.constant(1, tf.int64))
    # A single key gets all the weight, whether it was to be hidden or not.
    quiet = layer(ROWS[:1], packing)
    np.testing.assert_allclose(layer(ROWS[:1], packing, noise=noise), quiet, atol=1e-6)
    assert not np.allclose(layer(ROWS, PACKING, noise=noise), layer(ROWS, PACKING))


def test_position_encoding():
    encoding = position_encoding(tf.constant([0, 3]), 4).numpy()
    np.testing.assert_allclose(encoding[0], [0, 1, 0, 1])
    np.testing.assert_allclose(
        encoding[1], [np.sin(3), np.cos(3), np.sin(0.03), np.cos(0.03)], rtol=1e-5
    )


@pytest.mark.parametrize("relative", [False, True])
def test_encoder_keeps_the_contract(check_layer, relative):
    check_layer(
        lambda policy: TransformerEncoder(
            TransformerSettings(
                units=6,
                num_layers=2,
                num_heads=2,
                density=0.5,
                regularization=0.1,
                relative_keys=relative,
                relative_values=relative,
            ),
            dtype=policy,
        ),
        lambda layer: layer.build((None, 6)),
        lambda layer: [layer(ROWS, PACKING) * tf.cast(tf.range(6) + 1, layer.compute_dtype)],
        weights=3 + 2 * (4 * 2 + 1 + 4 + 6 + (2 if relative else 0)) + 2,
        width=6,
    )


def test_only_the_projection_is_regularised():
    encoder = TransformerEncoder(TransformerSettings(units=6, num_heads=2, regularization=0.1))
    encoder.build((None, 6))
    marked = [variable.path for variable in encoder.variables if variable.regularizer]
    assert marked == [f"{encoder.path}/project/kernel"]


def test_padding_and_neighbours_do_not_matter():
    encoder = TransformerEncoder(TransformerSettings(units=6, num_layers=2, num_heads=2))
    together = encoder(ROWS, PACKING)
    alone = encoder(ROWS[5:], Packing.of_lengths(tf.constant([3]), tf.constant(3)))
    np.testing.assert_allclose(together[5:], alone, atol=1e-5)


def test_heads_must_divide_units():
    with pytest.raises(ValueError, match="units=6, num_heads=4"):
        MultiHeadAttention(TransformerSettings(units=6, num_heads=4))


@pytest.mark.parametrize("relative", [False, True])
def test_the_first_positions_alone_come_out_as_among_all_others(relative):
    encoder = TransformerEncoder(
        TransformerSettings(
            units=8, num_layers=2, num_heads=2, relative_keys=relative, relative_values=relative
        )
    )
    packing = Packing.of_lengths(tf.constant([3, 1, 4]), tf.constant(4))
    rows = tf.random.stateless_normal([8, 5], [1, 2])
    every, first = encoder(rows, packing), encoder(rows, packing, first_only=True)
    np.testing.assert_allclose(first, tf.gather(every, packing.starts), atol=1e-6)


@pytest.mark.parametrize(
    ("first_only", "dtype"), [(False, "float32"), (True, "float32"), (False, "mixed_bfloat16")]
)
def test_compiled_passes_are_those_op_by_op_with_their_gradients(monkeypatch, first_only, dtype):
    encoder = TransformerEncoder(
        TransformerSettings(units=8, num_heads=2, drop_rate=0.2), dtype=dtype
    )
    encoder.build((None, 6))
    weights = [variable.value for variable in encoder.trainable_variables]

    def found(wide):
        monkeypatch.setattr("model.encoders.transformer.WIDE", wide)
        with tf.GradientTape() as tape:
            tape.watch(ROWS)
            noise = Noise(1, tf.constant(1, tf.int64))
            outputs = encoder(ROWS, PACKING, noise=noise, first_only=first_only)
        upstream = tf.random.stateless_normal(outputs.shape, [3, 4], dtype=outputs.dtype)
        return [outputs, *tape.gradient(outputs, [ROWS, *weights], upstream)]

    compiled, plain = found(wide=8), found(wide=9)
    # XLA rounds to 16 bits once per pass, the others once per operation.
    tolerance = 1e-5 if dtype == "float32" else 0.05
    for one, other in zip(compiled, plain, strict=True):
        scale = float(tf.reduce_max(tf.abs(other))) + 1e-6
        np.testing.assert_allclose(one / scale, other / scale, atol=tolerance)
    for one, again in zip(compiled, found(wide=8), strict=True):
        np.testing.assert_array_equal(one, again)


def test_rows_come_in_few_numbers():
    lengths = [int(common_length(tf.constant(count))) for count in range(1, 4097, 13)]
    assert all(
        count <= length <= max(256, 1.125 * count + 1)
        for count, length in zip(range(1, 4097, 13), lengths, strict=True)
    )
    assert len(set(lengths)) == 1 + 4 * 8  # to 256, and eight for each doubling

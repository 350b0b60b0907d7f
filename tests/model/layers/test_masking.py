import numpy as np
import pytest
import tensorflow as tf

from model.layers.feature_combining import Places
from model.layers.input_mask import InputMask
from model.noise import Noise

UNITS = 3


def masked(lengths, *, seed=1, rows=None, time=None):
    """The rows before and after masking, the chosen cells, and the places."""
    time = time or max(lengths)
    mask = tf.sequence_mask(lengths, time, tf.float32)
    places = Places.of_mask(mask, has_sentence=True)
    if rows is None:
        rows = tf.random.stateless_normal([sum(lengths) + len(lengths), UNITS], [seed, 7])
    layer = InputMask(name="input_mask")
    layer.build((None, UNITS))
    layer.vector.assign([[[9.0, 9.0, 9.0]]])
    after, chosen = layer(rows, places, mask, noise=Noise(seed, tf.constant(1, tf.int64)))
    return rows.numpy(), after.numpy(), chosen.numpy(), places


@pytest.mark.shows("diet.use_masked_language_model")
def test_proportions():
    lengths = [40, 39, 1, 0] * 100
    rows, after, chosen, places = masked(lengths)
    tokens = sum(lengths)
    assert not np.any(chosen & ~(np.arange(40)[None] < np.array(lengths)[:, None]))
    assert abs(chosen.sum() / tokens - 0.15) < 0.01
    vector = np.all(after == 9, -1)
    other = np.any(after != rows, -1) & ~vector
    assert abs(vector.sum() / chosen.sum() - 0.7) < 0.04
    assert abs(other.sum() / chosen.sum() - 0.1) < 0.03
    changed = places.packing.unpack(tf.constant(vector | other)[:, None])[..., 0].numpy()
    assert not np.any(changed[:, :-1] & ~chosen)


def test_sentences_are_never_changed():
    rows, after, _, places = masked([5, 2, 7] * 200)
    sentences = places.sentence_rows.numpy()
    np.testing.assert_array_equal(rows[sentences], after[sentences])


def test_other_vectors_are_tokens_or_noise_in_range():
    rows, after, _, places = masked([20] * 150 + [10] * 150)
    other = np.any(after != rows, -1) & np.any(after != 9, -1)
    tokens = np.delete(rows, places.sentence_rows.numpy(), 0)
    known = {tuple(row) for row in tokens}
    from_token = np.array([tuple(row) in known for row in after[other]])
    assert 0.5 < from_token.mean() < 1
    assert rows.min() <= after[other].min() and after[other].max() <= rows.max()


def test_other_tokens_get_no_gradient():
    lengths = [20] * 50
    mask = tf.sequence_mask(lengths, 20, tf.float32)
    places = Places.of_mask(mask, has_sentence=True)
    rows = tf.random.normal([50 * 21, UNITS])
    layer = InputMask()
    layer.build((None, UNITS))
    with tf.GradientTape() as tape:
        tape.watch(rows)
        after, _ = layer(rows, places, mask, noise=Noise(1, tf.constant(1, tf.int64)))
        total = tf.reduce_sum(after)
    by_rows, by_vector = tape.gradient(total, [rows, layer.vector.value])
    unchanged = np.all(after.numpy() == rows.numpy(), -1)
    np.testing.assert_array_equal(by_rows.numpy(), np.repeat(unchanged[:, None], UNITS, 1))
    assert np.all(by_vector.numpy() > 0)


def test_rows_that_only_fill_change_nothing():
    rows, after, chosen, _ = masked([5, 7, 3] * 20)
    filled = tf.concat([rows, 100 * tf.ones([4, UNITS])], 0)
    _, other, more, _ = masked([5, 7, 3] * 20 + [0] * 4, rows=filled)
    np.testing.assert_array_equal(chosen, more[:-4])
    np.testing.assert_array_equal(after, other[:-4])


def test_nothing_to_choose():
    rows, after, chosen, _ = masked([1])
    assert not chosen.any()
    np.testing.assert_array_equal(rows, after)


def test_every_dtype(check_layer):
    mask = tf.sequence_mask([20] * 10, 20, tf.float32)
    places = Places.of_mask(mask, has_sentence=True)
    noise = Noise(1, tf.constant(1, tf.int64))

    def call(layer):
        rows = tf.cast(tf.random.stateless_normal([210, UNITS], [1, 2]), layer.compute_dtype)
        after, _ = layer(rows, places, mask, noise=noise)
        assert after.dtype == layer.compute_dtype
        return [after]

    check_layer(
        lambda policy: InputMask(dtype=policy, name="input_mask"),
        lambda layer: layer.build((None, UNITS)),
        call,
        weights=1,
        width=UNITS,
    )

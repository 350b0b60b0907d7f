import numpy as np
import pytest
import tensorflow as tf

from model.diet.label_table import LabelTable
from model.layers.feature_combining import FeatureCombining, Places
from model.layers.packing import Packing
from model.layers.sparse import DenseForSparse
from model.noise import Noise

INDICES = tf.constant([[0, 2], [0, 5], [2, 2]], tf.int64)
VALUES = tf.constant([1.0, 2.0, 3.0])


def noise():
    return Noise(1, tf.constant(5, tf.int64))


def test_packing_and_unpacking():
    packing = Packing.of_lengths(tf.constant([2, 0, 3]), tf.constant(4))
    grid = tf.reshape(tf.range(24.0), [3, 4, 2])
    rows = packing.pack(grid)
    np.testing.assert_array_equal(rows[:, 0], [0, 2, 16, 18, 20])
    mask = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]])[..., None]
    np.testing.assert_array_equal(packing.unpack(rows), grid * mask)
    np.testing.assert_array_equal(packing.starts, [0, 2, 2])


def test_dense_for_sparse_is_a_matrix_product():
    layer = DenseForSparse(3)
    layer.build((None, 6))
    layer.bias.assign([1.0, 2.0, 3.0])
    dense = np.zeros([4, 6], np.float32)
    dense[0, 2], dense[0, 5], dense[2, 2] = 1, 2, 3
    expected = dense @ layer.kernel.numpy() + layer.bias.numpy()
    np.testing.assert_allclose(layer(INDICES, VALUES, tf.constant(4)), expected, atol=1e-6)


def test_gradient_names_each_touched_row_once():
    layer = DenseForSparse(3)
    layer.build((None, 6))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(INDICES, VALUES, tf.constant(4)))
    gradient = tape.gradient(total, layer.kernel.value)
    assert sorted(gradient.indices.numpy()) == [2, 5]
    np.testing.assert_allclose(tf.convert_to_tensor(gradient)[:, 0], [0, 0, 4, 0, 0, 2])


def test_rows_without_any_feature_get_the_bias():
    layer = DenseForSparse(3)
    layer.build((None, 6))
    layer.bias.assign([1.0, 2.0, 3.0])
    nothing = tf.zeros([0, 2], tf.int64), tf.zeros([0])
    np.testing.assert_array_equal(layer(*nothing, tf.constant(2)), [[1, 2, 3]] * 2)


def test_dense_for_sparse_keeps_the_contract(check_layer):
    check_layer(
        lambda policy: DenseForSparse(3, regularization=0.1, dtype=policy),
        lambda layer: layer.build((None, 6)),
        lambda layer: [layer(INDICES, VALUES, tf.constant(4))],
        weights=2,
        width=3,
    )


@pytest.mark.shows("drop_rate", "use_sparse_input_dropout", "use_dense_input_dropout")
def test_sparse_dropout_does_not_scale_and_dense_dropout_does():
    stored = 4000
    indices = tf.stack([tf.range(stored, dtype=tf.int64), tf.zeros([stored], tf.int64)], 1)
    for arguments, survivor in (
        ({"sparse_drop_rate": 0.4}, 1.0),
        ({"dense_drop_rate": 0.4}, 1 / 0.6),
    ):
        layer = DenseForSparse(1, **arguments)
        layer.build((None, 1))
        layer.kernel.assign([[1.0]])
        inputs = indices, tf.ones([stored]), tf.constant(stored)
        outputs = layer(*inputs, noise=noise()).numpy()
        assert abs((outputs != 0).mean() - 0.6) < 0.03
        np.testing.assert_allclose(outputs[outputs != 0], survivor, rtol=1e-6)
        np.testing.assert_array_equal(layer(*inputs), 1)


def _combining(**arguments):
    layer = FeatureCombining(sequence_width=11, dense_dimension=4, concat_dimension=5, **arguments)
    layer.build()
    return layer


def test_sentence_follows_the_last_token(toy_batch):
    layer = _combining(sentence_width=7)
    batch = toy_batch([2, 3, 0])
    places = Places.of_mask(batch["text_mask"], layer.has_sentence)
    rows = layer(batch, places)
    assert rows.shape == (3 + 4 + 1, 4)
    np.testing.assert_array_equal(places.sentence_rows, [2, 6, 7])
    sentences = layer.sentence(
        batch["text_sentence_indices"], batch["text_sentence_values"], tf.constant(3)
    )
    np.testing.assert_array_equal(tf.gather(rows, places.sentence_rows), sentences)
    cells = layer.sequence(
        batch["text_sequence_indices"], batch["text_sequence_values"], tf.constant(9)
    )
    np.testing.assert_array_equal(rows[3:6], cells[3:6])


def test_texts_without_sentence_features_are_their_last_token(toy_batch):
    layer = _combining()
    batch = toy_batch([2, 3, 0])
    places = Places.of_mask(batch["text_mask"], layer.has_sentence)
    np.testing.assert_array_equal(places.sentence_rows, [1, 4, 5])
    assert layer(batch, places).shape == (6, 4)


def test_dense_features_are_joined_as_they_are(toy_batch):
    layer = _combining(sentence_width=7, sequence_dense_width=3, dense_drop_rate=0.9)
    assert layer.output_width == 5  # 4 + 3 differ from 4: both get a hidden layer
    layer = _combining(
        sentence_width=7, sequence_dense_width=3, sentence_dense_width=3, dense_drop_rate=0.9
    )
    assert layer.output_width == 7
    batch = toy_batch([2, 3])
    batch["text_sequence_dense"] = tf.random.normal([2, 3, 3])
    batch["text_sentence_dense"] = tf.random.normal([2, 3])
    places = Places.of_mask(batch["text_mask"], layer.has_sentence)
    rows = layer(batch, places, noise=noise()).numpy()
    np.testing.assert_array_equal(rows[:2, 4:], batch["text_sequence_dense"][0, :2])
    np.testing.assert_array_equal(rows[2, 4:], batch["text_sentence_dense"][0])
    assert (rows[:, :4] == 0).mean() > 0.6


def test_combining_keeps_the_contract(check_layer, toy_batch):
    batch = toy_batch([2, 3])
    batch["text_sequence_dense"] = tf.random.normal([2, 3, 3])
    places = Places.of_mask(batch["text_mask"], True)
    check_layer(
        lambda policy: FeatureCombining(
            sequence_width=11,
            sentence_width=7,
            sequence_dense_width=3,
            dense_dimension=4,
            concat_dimension=5,
            density=0.5,
            dtype=policy,
        ),
        lambda layer: layer.build(),
        lambda layer: [layer(batch, places)],
        weights=10,
        width=5,
    )


def test_sequence_features_are_needed():
    with pytest.raises(ValueError, match="sequence_width=0"):
        FeatureCombining(sequence_width=0, sentence_width=3)


def test_label_tokens_are_summed_with_their_bias(check_layer, toy_sizes):
    features = toy_sizes().label_token_features
    layer = LabelTable(features, width=4, units=3)
    layer.build()
    layer.projection.bias.assign([1.0, 2.0, 3.0])
    kernel, bias = layer.projection.kernel.numpy(), layer.projection.bias.numpy()
    expected = [kernel[0] + kernel[3] + 2 * bias, kernel[1] + bias, 2 * kernel[2] + bias]
    np.testing.assert_allclose(layer(tf.zeros([])), expected, rtol=1e-6)
    check_layer(
        lambda policy: LabelTable(features, width=4, units=3, dtype=policy),
        lambda layer: layer.build(),
        lambda layer: [layer(tf.zeros([]))],
        weights=2,
        width=3,
    )


def test_labels_without_features_are_one_hot():
    np.testing.assert_array_equal(LabelTable((), width=3, units=20)(tf.zeros([])), np.eye(3))

"""docs/layers.md: its examples run, its layers exist, and each is usable and saved on its own."""

import doctest
import importlib
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.layers.dense import Embed, Ffnn, RandomlyConnectedDense
from model.layers.sparse import DenseForSparse, SparseDropout
from model.losses.crf import CRF
from model.noise import Noise

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "layers.md"
SEEDS_LAYERS = {
    *("SparseDropout", "DenseForSparse", "DenseWithSparseWeights", "RandomlyConnectedDense"),
    *("Ffnn", "Embed", "InputMask", "CRF", "DotProductLoss"),
}


def rows():
    """Rasa's names and our class, of each line of the table."""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            theirs, ours = line.split("|")[1:3]
            module, _, name = ours.strip(" `").rpartition(".")
            yield re.findall(r"`(\w+)`", theirs), getattr(importlib.import_module(module), name)


def test_the_examples_run():
    failed, tried = doctest.testfile(str(DOCUMENT), module_relative=False, encoding="utf-8")
    assert tried > 30 and not failed


def test_the_table_names_every_layer_of_rasas_and_a_registered_one_of_ours():
    theirs = set()
    for names, layer in rows():
        theirs |= set(names)
        assert issubclass(layer, keras.layers.Layer)
        registered = keras.saving.get_registered_name(layer)
        assert keras.saving.get_registered_object(registered) is layer
        assert layer.__doc__ and "Call: " in layer.__doc__, layer
    assert theirs >= SEEDS_LAYERS


def vectors():
    return keras.Input([6], dtype="float32")


def _dense_for_sparse():
    indices = keras.Input(batch_shape=(None, 2), dtype="int64")
    values = keras.Input(batch_shape=(None,), dtype="float32")
    size = keras.Input(batch_shape=(), dtype="int32")
    layer = DenseForSparse(4, sparse_drop_rate=0.5, regularization=0.1)
    layer.build((None, 9))
    return keras.Model([indices, values, size], layer(indices, values, size))


def _crf():
    potentials = keras.Input([5, 3], dtype="float32")
    lengths = keras.Input(batch_shape=(None,), dtype="int32")
    return keras.Model([potentials, lengths], CRF(3)(potentials, lengths))


def _of_vectors(*layers):
    return lambda: keras.Sequential([vectors(), *(layer() for layer in layers)])


@pytest.mark.parametrize(
    "make, inputs",
    [
        (_of_vectors(lambda: RandomlyConnectedDense(5, density=0.3, activation="gelu")), None),
        (_of_vectors(lambda: Ffnn([7, 5], density=0.5), lambda: Embed(4)), None),
        (_of_vectors(lambda: SparseDropout(0.3)), None),
        (
            _dense_for_sparse,
            [np.array([[0, 3], [0, 8], [1, 1]]), np.ones(3, "float32"), np.array(2, "int32")],
        ),
        (
            _crf,
            [np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32"), np.array([5, 2])],
        ),
    ],
    ids=["RandomlyConnectedDense", "Ffnn and Embed", "SparseDropout", "DenseForSparse", "CRF"],
)
def test_a_keras_model_of_it_is_saved_and_loaded(tmp_path, make, inputs):
    model = make()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    inputs = inputs or tf.random.normal([4, 6])
    if isinstance(inputs, list):
        inputs = [tf.constant(value) for value in inputs]
    for one, other in zip(
        tf.nest.flatten(model(inputs)), tf.nest.flatten(loaded(inputs)), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(model.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_sparse_dropout_is_that_of_the_layer_that_holds_it():
    layer = DenseForSparse(4, sparse_drop_rate=0.5, name="dense")
    layer.build((None, 50))
    noise = Noise(1, tf.constant(0, tf.int64))
    indices = tf.stack([tf.zeros([50], tf.int64), tf.range(50, dtype=tf.int64)], 1)
    values = tf.ones([50])
    dropped = layer.sparse_dropout(values, noise=noise)
    assert layer.sparse_dropout.path == f"{layer.path}/sparse"
    assert 0 < np.count_nonzero(dropped) < 50 and set(dropped.numpy()) == {0.0, 1.0}
    np.testing.assert_array_equal(
        layer(indices, values, tf.constant(1), noise=noise), layer(indices, dropped, tf.constant(1))
    )

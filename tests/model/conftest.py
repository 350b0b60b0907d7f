"""What the tests of bricks share: `check_layer`, toy batches, and replicas that are threads."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from replicas import threads

from model.diet.sizes import DIETSizes

POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")


def _check_layer(make, build, call, *, weights, width=None, lossless=True):
    """Check one brick: explicit build, dtype policies, round trip, and reach of the gradient.

    Args:
        make: dtype policy -> layer.
        build: Builds the layer from shapes.
        call: layer -> its floating-point output(s), as a list of tensors.
        weights: How many weights the layer has after `build`.
        width: Last dimension of the first output.
    """
    for policy in POLICIES:
        keras.utils.set_random_seed(3)
        layer = make(policy)
        build(layer)
        assert layer.built and len(layer.weights) == weights
        with tf.GradientTape() as tape:
            outputs = call(layer)
            total = tf.add_n([tf.reduce_sum(tf.cast(o, tf.float32) ** 2) for o in outputs])
        assert len(layer.weights) == weights, "a call made weights"
        assert all(weight.dtype == "float32" for weight in layer.weights)
        if width is not None:
            assert outputs[0].shape[-1] == width
        variables = [weight.value for weight in layer.trainable_variables]
        gradients = tape.gradient(total, variables)
        for weight, gradient in zip(layer.trainable_variables, gradients, strict=True):
            assert gradient is not None, f"no gradient reaches {weight.path}"
            gradient = tf.convert_to_tensor(gradient)  # that of a wide kernel is IndexedSlices
            assert np.isfinite(gradient).all(), weight.path
            assert not lossless or np.any(gradient), f"the gradient of {weight.path} is 0"
        _check_round_trip(layer, build, call, outputs)


def _check_round_trip(layer, build, call, outputs):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    if not copy.built:
        build(copy)
    assert copy.get_config() == layer.get_config()
    assert [w.shape for w in copy.weights] == [w.shape for w in layer.weights]
    copy.set_weights(layer.get_weights())
    for one, other in zip(outputs, call(copy), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def check_layer():
    return _check_layer


@pytest.fixture
def run_replicas():
    """See `replicas.threads`."""
    return threads.run_replicas


def _toy_sizes(**changes):
    sizes = {
        "text_sequence_width": 11,
        "text_sentence_width": 7,
        "label_token_features": ((((0, 1.0),), ((3, 1.0),)), (((1, 1.0),),), (((2, 2.0),),)),
        "label_width": 4,
        "num_tags": {"entity": 5, "role": 3},
    }
    return DIETSizes(**{**sizes, **changes})


@pytest.fixture
def toy_sizes():
    """Makes small `DIETSizes`: 11 + 7 columns, 3 labels, 5 entity and 3 role tags."""
    return _toy_sizes


def _toy_batch(lengths, sizes=None, *, time=None, seed=0):
    """A batch of texts of the given lengths; length 0 = a row that only fills the batch."""
    sizes = sizes or _toy_sizes()
    rng = np.random.default_rng(seed)
    lengths = np.array(lengths)
    widest = lengths.max()
    time = time or widest
    # Drawn for every cell, so that the features of a text do not depend on the padding.
    token = rng.integers(0, sizes.text_sequence_width, [len(lengths), widest, 2])
    sequence = sorted(
        {
            (b * time + t, int(c))
            for b, n in enumerate(lengths)
            for t in range(n)
            for c in token[b, t]
        }
    )
    sentence = [(b, int(token[b, 0, 0]) % 7) for b, n in enumerate(lengths) if n]
    mask = np.arange(time)[None] < lengths[:, None]
    batch = {
        "text_mask": mask.astype(np.float32),
        "text_sequence_indices": np.array(sequence, np.int64),
        "text_sequence_values": np.ones(len(sequence), np.float32),
        "text_sentence_indices": np.array(sentence, np.int64),
        "text_sentence_values": np.ones(len(sentence), np.float32),
        "label_ids": (rng.integers(0, sizes.num_labels, len(lengths)) * (lengths > 0)),
        "example_weights": (lengths > 0).astype(np.float32),
    }
    batch["label_ids"] = batch["label_ids"].astype(np.int32)
    grids = {"text_token_ids": token[..., 0] + 1}
    for head, count in sizes.num_tags.items():
        grids[f"{head}_tags"] = rng.integers(0, count, [len(lengths), widest])
    for name, grid in grids.items():
        grid = np.pad(grid, [[0, 0], [0, time - widest]]) * mask
        batch[name] = grid.astype(np.int64 if name == "text_token_ids" else np.int32)
    return {name: tf.constant(value) for name, value in batch.items()}


@pytest.fixture
def toy_batch():
    return _toy_batch


def _split(batch, count):
    """The parts of `batch` that `count` replicas hold."""
    rows = batch["text_mask"].shape[0] // count
    time = batch["text_mask"].shape[1]
    parts = [{} for _ in range(count)]
    for name, value in batch.items():
        value = value.numpy()
        for number, part in enumerate(parts):
            if name.endswith(("_indices", "_values")):
                kind = name.rsplit("_", 1)[0]
                size = rows * (time if "sequence" in kind else 1)
                place = batch[f"{kind}_indices"].numpy()[:, 0]
                mine = (place >= number * size) & (place < (number + 1) * size)
                chunk = value[mine].copy()
                if name.endswith("_indices"):
                    chunk[:, 0] -= number * size
            else:
                chunk = value[number * rows : (number + 1) * rows]
            part[name] = tf.constant(chunk)
    return parts


@pytest.fixture
def split_batch():
    return _split

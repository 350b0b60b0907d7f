"""Goldens of single layers: fully connected ones, the input mask and the CRF."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from golden.recording import SEED, arrays_of, dense_arrays, run_brick, sparse, weights_of
from golden.replay import ReplayedMask
from rasa.utils.tensorflow import layers

L2 = 0.002


def random_sparse(rng: np.random.Generator, shape: tuple[int, ...], lengths) -> tf.SparseTensor:
    """Counts at about a third of the cells, none beyond `lengths`."""
    values = rng.integers(1, 4, shape) * (rng.random(shape) < 0.3)
    values[np.arange(shape[1])[None] >= np.asarray(lengths)[:, None]] = 0
    return tf.sparse.from_dense(values.astype(np.float32))


def dense(make, shape: tuple[int, ...], **options) -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    tf.random.set_seed(SEED)
    layer = make()
    inputs = {"x": tf.constant(rng.normal(size=shape).astype(np.float32))}
    made = run_brick(layer, lambda: layer(inputs["x"]), rng, inputs=inputs)
    return {**made, "options": options}


def randomly_connected() -> dict[str, Any]:
    options = {"units": 7, "density": 0.3}
    return dense(
        lambda: layers.RandomlyConnectedDense(
            **options, activation=tf.nn.gelu, kernel_regularizer=keras.regularizers.l2(L2)
        ),
        (4, 3, 5),
        **options,
        activation="gelu",
        regularization=L2,
    )


def ffnn() -> dict[str, Any]:
    options = {"layer_sizes": [6, 4], "reg_lambda": L2, "density": 0.5}
    return dense(
        lambda: layers.Ffnn(**options, dropout_rate=0.0, layer_name_suffix="text"),
        (5, 8),
        **options,
    )


def embed() -> dict[str, Any]:
    options = {"embed_dim": 3, "reg_lambda": L2}
    return dense(lambda: layers.Embed(**options, layer_name_suffix="text"), (5, 8), **options)


def dense_for_sparse() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    layer = layers.DenseForSparse(units=4, reg_lambda=L2)
    given = random_sparse(rng, (3, 4, 9), [4, 1, 3])
    made = run_brick(layer, lambda: layer(given), rng)
    return {**made, "inputs": sparse("x", given), "options": {"units": 4, "reg_lambda": L2}}


def input_mask() -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    layer = layers.InputMask()
    lengths = np.array([5, 2, 7, 1, 6, 4, 7, 3])
    positions = np.arange(8)[None]
    tokens = (positions < lengths[:, None]).astype(np.float32)[..., None]
    real = (positions <= lengths[:, None]).astype(np.float32)[..., None]
    x = rng.normal(size=(8, 8, 6)) * real
    inputs = {"x": tf.constant(x.astype(np.float32))}
    with ReplayedMask(SEED, eager=True) as draws:

        def call() -> tuple[tf.Tensor, tf.Tensor]:
            draws.restart()
            return layer(inputs["x"], tf.constant(tokens), training=True)

        made = run_brick(layer, lambda: call()[0], rng, inputs=inputs, mask=real)
        made["outputs"]["chosen"] = call()[1].numpy()
    made["inputs"]["lengths"] = lengths
    return {**made, "draws": draws.recorded, "options": {}}


def crf(lengths: list[int], tags: int, scale_loss: bool, spread: float = 4.0) -> dict[str, Any]:
    """`spread` is the size of the scores; the larger, the surer the CRF."""
    rng = np.random.default_rng(SEED)
    layer = layers.CRF(tags, L2, scale_loss)
    time = max(lengths)
    logits = tf.constant((spread * rng.normal(size=(len(lengths), time, tags))).astype(np.float32))
    lengths = tf.constant(lengths, tf.int32)
    layer(logits, lengths)  # builds
    layer.transition_params.assign(spread / 2 * rng.normal(size=(tags, tags)).astype(np.float32))
    decoded, confidences = layer(logits, lengths)
    # Mostly the best tags, so that some texts are likely enough for `scale_loss` to set in.
    other = rng.integers(0, tags, decoded.shape)
    gold = tf.constant(np.where(rng.random(decoded.shape) < 0.2, other, decoded).astype(np.int32))
    likelihood, _ = layers.crf_log_likelihood(logits, gold, lengths, layer.transition_params)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = layer.loss(logits, gold, lengths)
    watched = {"transitions": layer.transition_params, "input/logits": logits}
    return {
        "inputs": arrays_of({"logits": logits, "tags": gold, "lengths": lengths}),
        "weights": weights_of(layer),
        "outputs": arrays_of(
            {"loss": loss, "likelihood": likelihood, "tags": decoded, "confidences": confidences}
        ),
        "gradients": dense_arrays(tape.gradient(loss, watched)),
        "options": {"num_tags": tags, "scale_loss": scale_loss, "reg_lambda": L2},
    }


LENGTHS = [5, 1, 7, 2, 3, 7, 4, 6]

MAKERS = {
    "dense_randomly_connected": randomly_connected,
    "dense_ffnn": ffnn,
    "dense_embed": embed,
    "dense_for_sparse": dense_for_sparse,
    "input_mask": input_mask,
    "crf_plain": lambda: crf(LENGTHS, 6, False),
    "crf_scaled_loss": lambda: crf(LENGTHS, 6, True),
    "crf_unsure": lambda: crf(LENGTHS, 6, True, spread=0.5),
    "crf_sure": lambda: crf(LENGTHS, 6, True, spread=20.0),
    "crf_single_tokens": lambda: crf([1, 1, 1], 4, False),
    "crf_empty_texts": lambda: crf([4, 0, 2], 4, False),
}

"""Activations computed part by part, and once more going back: the same losses and gradients."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from ted_toys import FULL, Toy, toy_ted

from model.diet.diet import DIET
from model.diet.options import DIETOptions
from model.encoders.transformer import TransformerEncoder
from model.encoders.transformer_settings import TransformerSettings
from model.layers.packing import Packing
from model.layers.recompute_in_parts import encode_in_parts
from model.noise import Noise

STEP = tf.constant(3, tf.int64)
OPTIONS = {
    "transformer_size": 8,
    "number_of_attention_heads": 2,
    "number_of_transformer_layers": 1,
    "dense_dimension": {"text": 6, "label": 5},
    "embedding_dimension": 4,
    "number_of_negative_examples": 5,
    "constrain_similarities": True,
    "scale_loss": True,
    "use_masked_language_model": True,
    "drop_rate": 0.0,
}


def losses_and_gradients(model, batch):
    variables = model.trainable_variables

    with tf.GradientTape() as tape:
        terms = model.loss_terms(batch, Noise(1, STEP))
        total = tf.add_n([term.total for term in terms.losses.values()])
    gradients = tape.gradient(total, [variable.value for variable in variables])
    return terms, {v.path: g for v, g in zip(variables, gradients, strict=True)}


def assert_alike(whole, parts):
    """The same losses and gradients, up to the order of sums; returns how many are of rows."""
    (whole, gradients), (terms, of_parts) = whole, parts
    for one, other in zip(whole, terms, strict=True):
        for name in one:
            np.testing.assert_allclose(one[name], other[name], rtol=1e-5, err_msg=name)
    sliced = 0
    for path, gradient in gradients.items():
        sliced += isinstance(of_parts[path], tf.IndexedSlices)
        expected = tf.convert_to_tensor(gradient).numpy()
        found = tf.convert_to_tensor(of_parts[path]).numpy()
        np.testing.assert_allclose(
            found, expected, rtol=0, atol=1e-5 * np.abs(expected).max(), err_msg=path
        )
    return sliced


@pytest.mark.shows("trainer.accumulate_steps")
def test_a_batch_in_parts_has_the_losses_and_gradients_of_the_whole(toy_sizes, toy_batch):
    batch, results = toy_batch([6, 1, 7, 8, 3]), []
    for accumulate_steps in (1, 4):  # of 2, 2, 1 and 0 examples
        keras.utils.set_random_seed(5)
        model = DIET(toy_sizes(), DIETOptions(**OPTIONS), accumulate_steps=accumulate_steps)
        model.build()
        results.append(losses_and_gradients(model, batch))
    # Of rows: the kernels of sparse features, of tokens, sentences and labels.
    assert assert_alike(*results) == 3


@pytest.mark.shows("trainer.accumulate_steps")
@pytest.mark.parametrize("options", [{}, FULL])
def test_dialogues_in_parts_have_the_losses_and_gradients_of_the_whole(options):
    toy, results = Toy("a ia ta", "ta tas", "ia as ts tae", "ia", ""), []
    for accumulate_steps in (1, 4):
        keras.utils.set_random_seed(5)
        model = toy_ted(accumulate_steps, drop_rate=0.0, drop_rate_dialogue=0.0, **options)
        results.append(losses_and_gradients(model, toy.batch(model)))
    assert_alike(*results)


def test_what_is_computed_anew_draws_the_same_noise():
    encoder = TransformerEncoder(TransformerSettings(units=8, num_heads=2, drop_rate=0.4))
    encoder.build((None, 5))
    noise = Noise(1, STEP)
    packing = Packing.of_lengths(tf.constant([3, 1, 2, 4]), tf.constant(4))
    rows = tf.random.stateless_normal([10, 5], [1, 2])
    weights = tf.random.stateless_normal([10, 8], [3, 4])
    variables = [variable.value for variable in encoder.trainable_variables]

    def encode(rows, packing, part):
        return encoder(rows, packing, noise=noise.within(f"part_{part}"))

    def in_two(rows):
        first = Packing.of_lengths(packing.lengths[:2], packing.time)
        second = Packing.of_lengths(packing.lengths[2:], packing.time)
        return tf.concat([encode(rows[:4], first, 0), encode(rows[4:], second, 1)], 0)

    @tf.function(autograph=False)
    def gradients(work):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            loss = tf.reduce_sum(work(rows) * weights)
        return loss, *tape.gradient(loss, [rows, *variables])

    expected = gradients(in_two)
    found = gradients(lambda rows: encode_in_parts(encode, rows, packing, 2))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)

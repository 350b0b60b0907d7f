"""From features to encoded rows: combining, input mask and transformer against Rasa's numbers."""

import numpy as np
import pytest
import tensorflow as tf
from goldens import (
    DIRECTORY,
    Golden,
    RecordedNoise,
    assert_close,
    mask_draws,
    padding_draws,
    run_and_differentiate,
)

from model.encoders.transformer import TransformerEncoder
from model.encoders.transformer_settings import TransformerSettings
from model.layers.dense import gelu
from model.layers.feature_combining import FeatureCombining, Places
from model.layers.input_mask import InputMask
from model.layers.packing import Packing

TRANSFORMERS = sorted(file.stem for file in DIRECTORY.glob("transformer_*.npz"))
TRANSFORMER_OPTIONS = {
    "reg_lambda": "regularization",
    "use_key_relative_position": "relative_keys",
    "use_value_relative_position": "relative_values",
}
FEATURES = sorted(file.stem for file in DIRECTORY.glob("features_*.npz"))


def mask_of(lengths, time=None):
    return (np.arange(time or max(lengths))[None] < lengths[:, None]).astype(np.float32)


@pytest.mark.shows(
    "use_key_relative_attention",
    "use_value_relative_attention",
    "max_relative_position",
    "unidirectional_encoder",
)
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformer(name):
    golden = Golden(name)
    options = {k: v for k, v in golden.options.items() if k != "filter_units"}
    settings = TransformerSettings(**{TRANSFORMER_OPTIONS.get(k, k): v for k, v in options.items()})
    encoder = TransformerEncoder(settings)
    encoder.build(golden["input"]["x"].shape)
    golden.give_weights(encoder)
    lengths = golden["input"]["lengths"]
    packing = Packing.of_lengths(tf.constant(lengths, tf.int32), tf.constant(int(max(lengths))))
    inputs = {"x": tf.constant(golden["input"]["x"])}
    output, gradients = run_and_differentiate(
        encoder,
        lambda: packing.unpack(encoder(packing.pack(inputs["x"]), packing)),
        golden.upstream,
        inputs,
    )
    real = mask_of(lengths)[..., None]
    assert_close(output, golden["output"]["output"] * real, "output")
    gradients["input/x"] = tf.convert_to_tensor(gradients["input/x"])
    golden.assert_gradients(encoder, gradients)


def combining(golden):
    """Our layer with Rasa's weights, a batch and its places."""
    options, given = golden.options, golden["input"]
    widths = {f"{part}_width": width for part, width in options["widths"].items()}
    layer = FeatureCombining(
        **{"sequence_width": 0, **widths},
        dense_dimension=options["dense_dimension"]["text"],
        concat_dimension=options["concat_dimension"]["text"],
        density=options["connection_density"],
        regularization=options["regularization_constant"],
    )
    layer.build()
    golden.give_weights(layer)
    mask = mask_of(given["lengths"])
    batch = {"text_mask": tf.constant(mask)}
    for part in ("sequence", "sentence"):
        if f"{part}/indices" in given:
            example, position, column = given[f"{part}/indices"].T
            cells = example * given[f"{part}/shape"][1] + position
            batch[f"text_{part}_indices"] = tf.constant(np.stack([cells, column], 1))
            batch[f"text_{part}_values"] = tf.constant(given[f"{part}/values"])
    if "sequence_dense" in given:
        batch["text_sequence_dense"] = tf.constant(given["sequence_dense"])
    if "sentence_dense" in given:
        batch["text_sentence_dense"] = tf.constant(given["sentence_dense"][:, 0])
    return layer, batch, Places.of_mask(batch["text_mask"], layer.has_sentence)


@pytest.mark.shows("diet.dense_dimension", "diet.concat_dimension")
@pytest.mark.parametrize("name", FEATURES)
def test_feature_combining(name):
    golden = Golden(name)
    layer, batch, places = combining(golden)
    dense = {name.removeprefix("text_"): value for name, value in batch.items() if "dense" in name}
    output, gradients = run_and_differentiate(
        layer, lambda: places.packing.unpack(layer(batch, places)), golden.upstream, dense
    )
    assert_close(output, golden["output"]["output"], "output")
    rows = places.packing.pack(output)
    assert_close(tf.gather(rows, places.sentence_rows), golden["output"]["whole_text"])
    if "input/sentence_dense" in gradients:
        gradients["input/sentence_dense"] = gradients["input/sentence_dense"][:, None]
    golden.assert_gradients(layer, gradients)


def test_rasas_sentence_vectors_of_shorter_texts_carry_a_bias_when_widths_differ():
    """Rasa puts padding, too, through the hidden layer that makes widths equal.

    What comes out there, the gelu of its bias, is added to the sentence vector of each text that is
    shorter than the longest of its batch. In an answer (a batch of one) nothing is added. Ours adds
    nothing ever, since no answer should depend on what else is in a batch.
    """
    golden = Golden("padded_features_of_two_widths")
    layer, batch, places = combining(golden)
    rows = layer(batch, places)
    rasas = places.packing.pack(tf.constant(golden["output"]["output"]))
    shorter = places.token_counts < tf.shape(batch["text_mask"])[1]
    leak = gelu(tf.convert_to_tensor(layer.sequence_hidden.hidden[0].bias))
    leaks = tf.where(shorter[:, None], leak[None], 0.0)
    assert_close(tf.tensor_scatter_nd_add(rows, places.sentence_rows[:, None], leaks), rasas)
    assert np.abs(leaks).max() > 0.1


def test_input_mask():
    golden = Golden("input_mask")
    given, time = golden["input"], golden["input"]["x"].shape[1] - 1
    layer = InputMask()
    layer.build(given["x"].shape)
    golden.give_weights(layer)
    mask = mask_of(given["lengths"], time)
    places = Places.of_mask(tf.constant(mask), True)
    noise = RecordedNoise(
        mask_draws(golden["draw"], time) | {"padding": padding_draws(golden["draw"], mask)}
    )
    inputs = {"x": tf.constant(given["x"])}
    chosen = []

    def call():
        rows = places.packing.pack(inputs["x"])
        rows, choice = layer(rows, places, tf.constant(mask), noise=noise)
        chosen.append(choice)
        return places.packing.unpack(rows)

    output, gradients = run_and_differentiate(layer, call, golden.upstream, inputs)
    np.testing.assert_array_equal(chosen[0], golden["output"]["chosen"][:, :time, 0])
    assert not golden["output"]["chosen"][:, time].any()
    assert_close(output, golden["output"]["output"], "output")
    gradients["input/x"] = tf.convert_to_tensor(gradients["input/x"])
    golden.assert_gradients(layer, gradients)


def test_the_input_mask_golden_reaches_every_case():
    golden = Golden("input_mask")
    draws, lengths = golden["draw"], golden["input"]["lengths"]
    chosen = golden["output"]["chosen"][..., 0]
    action = draws["action"][..., 0][chosen]
    assert (action < 0.7).any() and (action >= 0.8).any()
    cells = np.argwhere(chosen & (draws["action"][..., 0] >= 0.7) & (draws["action"][..., 0] < 0.8))
    from_token = draws["positions"][cells[:, 1]] < lengths[draws["texts"][cells[:, 0]]]
    assert from_token.any() and not from_token.all()

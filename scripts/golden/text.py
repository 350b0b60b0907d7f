"""Goldens of what makes rows of a text: combining its features, and the transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from golden.bricks import L2, random_sparse
from golden.recording import SEED, run_brick, sparse
from rasa.nlu.classifiers.diet_classifier import DIETClassifier
from rasa.utils.tensorflow.model_data import FeatureSignature
from rasa.utils.tensorflow.models import TransformerRasaModel
from rasa.utils.tensorflow.rasa_layers import RasaFeatureCombiningLayer
from rasa.utils.tensorflow.transformer import TransformerEncoder

LENGTHS = np.array([3, 1, 4, 2])
EQUAL = np.array([4, 4, 4])
OPTIONS = {
    "dense_dimension": {"text": 5, "label": 5},
    "concat_dimension": {"text": 6, "label": 6},
    "connection_density": 0.5,
    "regularization_constant": L2,
    "drop_rate": 0.0,
}


def real_positions(lengths: np.ndarray, time: int) -> np.ndarray:
    return (np.arange(time)[None] < lengths[:, None]).astype(np.float32)[..., None]


def features(text_lengths: np.ndarray = LENGTHS, **widths: int) -> dict[str, Any]:
    """Combine features of these widths: `sequence`, `sequence_dense`, `sentence`, ..."""
    rng = np.random.default_rng(SEED)
    tf.random.set_seed(SEED)
    given: dict[str, list] = {"sequence": [], "sentence": []}
    signature: dict[str, list] = {"sequence": [], "sentence": []}
    inputs, recorded = {}, {}
    for part, lengths in (("sequence", text_lengths), ("sentence", np.ones_like(text_lengths))):
        time = lengths.max()
        if width := widths.get(part):
            tensor = random_sparse(rng, (len(lengths), time, width), lengths)
            given[part].append(tensor)
            signature[part].append(FeatureSignature(True, width, 3))
            recorded.update(sparse(part, tensor))
        if width := widths.get(f"{part}_dense"):
            values = rng.normal(size=(len(lengths), time, width)) * real_positions(lengths, time)
            tensor = tf.constant(values.astype(np.float32))
            given[part].append(tensor)
            signature[part].append(FeatureSignature(False, width, 3))
            inputs[f"{part}_dense"] = tensor
    config = {**DIETClassifier.get_default_config(), **OPTIONS}
    layer = RasaFeatureCombiningLayer("text", signature, config)
    parts = (given["sequence"], given["sentence"], tf.constant(text_lengths, tf.int32))
    combined = text_lengths + bool(given["sentence"])
    mask = real_positions(combined, combined.max())
    made = run_brick(layer, lambda: layer(parts, training=True)[0], rng, inputs=inputs, mask=mask)
    made["inputs"].update(recorded, lengths=text_lengths)
    made["outputs"]["whole_text"] = TransformerRasaModel._last_token(
        layer(parts)[0], tf.constant(combined, tf.int32)
    ).numpy()
    return {**made, "options": {**OPTIONS, "widths": widths}}


def transformer(lengths: list[int], **options) -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    tf.random.set_seed(SEED)
    options = {
        "num_layers": 2,
        "units": 8,
        "num_heads": 2,
        "filter_units": 32,
        "reg_lambda": L2,
        "density": 0.4,
        **options,
    }
    layer = TransformerEncoder(**options, dropout_rate=0.0)
    real = real_positions(np.array(lengths), max(lengths))
    values = rng.normal(size=(len(lengths), max(lengths), 6)).astype(np.float32)
    inputs = {"x": tf.constant(values)}
    padding = tf.constant(1 - real)
    call = lambda: layer(inputs["x"], padding, training=True)[0]  # noqa: E731
    made = run_brick(layer, call, rng, inputs=inputs, mask=real)
    made["inputs"]["lengths"] = np.array(lengths)
    return {**made, "options": options}


RELATIVE = {"use_key_relative_position": True, "use_value_relative_position": True}
# Shorter and longer than what relative positions tell apart.
SHORT, LONG = [3, 1, 4, 2], [9, 2, 5, 7]

MAKERS = {
    "features_sparse": lambda: features(sequence=9, sentence=7),
    "features_without_sentence": lambda: features(sequence=9),
    "features_with_dense": lambda: features(
        sequence=9, sequence_dense=4, sentence=7, sentence_dense=4
    ),
    "features_of_two_widths": lambda: features(EQUAL, sequence=9, sequence_dense=4, sentence=7),
    "features_dense_only": lambda: features(EQUAL, sequence_dense=4, sentence_dense=3),
    "padded_features_of_two_widths": lambda: features(sequence=9, sequence_dense=4, sentence=7),
    "transformer_absolute": lambda: transformer(LONG),
    "transformer_unidirectional": lambda: transformer(LONG, unidirectional=True),
    "transformer_relative_keys": lambda: transformer(
        LONG, use_key_relative_position=True, max_relative_position=3
    ),
    "transformer_relative_values": lambda: transformer(
        LONG, use_value_relative_position=True, max_relative_position=3
    ),
    "transformer_relative_short": lambda: transformer(SHORT, **RELATIVE, max_relative_position=5),
    "transformer_relative_unidirectional": lambda: transformer(
        LONG, **RELATIVE, max_relative_position=3, unidirectional=True
    ),
}

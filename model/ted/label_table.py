"""The embeddings of all labels, as a layer without inputs."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from model.layers.dense import Embed
from model.noise import Noise
from model.ted.encoders import label_encoder
from model.ted.labels import Labels
from model.ted.options import TEDOptions


# DIET has a `LabelTable`, too.
@keras.saving.register_keras_serializable(package="diet_ted_trainer", name="DialogueLabelTable")
class LabelTable(keras.layers.Layer):
    """The embeddings of all labels: names and texts encoded, summed and projected.

    Mirrors `TED._create_all_labels_embed` of Rasa.

    Args:
        labels: Their `to_json` form will do.
        options: Of the model; their `asdict` form will do.

    Call: a scalar that is not looked at (Keras wants an input) -> `[labels, embedding_dimension]`
    float32.
    """

    def __init__(self, labels: Labels | dict, options: TEDOptions | dict, **kwargs: Any):
        super().__init__(**{**kwargs, "autocast": False})
        self.labels = Labels.from_json(labels) if isinstance(labels, dict) else labels
        self.options = TEDOptions(**options) if isinstance(options, dict) else options

    def build(self, input_shape: object = None) -> None:
        widths = self.labels.encoded_widths
        self.encoders = [
            label_encoder(attribute, widths[attribute], self.options, self.dtype_policy)
            for attribute in sorted(widths)
        ]
        self.embed = Embed(
            self.options.embedding_dimension,
            regularization=self.options.regularization_constant,
            dtype=self.dtype_policy,
            name="embed",
        )
        self.embed.build((None, self.options.encoding_dimension))

    def call(self, ignored: tf.Tensor, noise: Noise | None = None) -> tf.Tensor:
        features, count = self.labels.as_batch(), tf.constant(self.labels.count)
        rows = [encoder(features, count, noise=noise).rows for encoder in self.encoders]
        return tf.cast(self.embed(tf.add_n(rows)), tf.float32)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "labels": self.labels.to_json(),
            "options": dataclasses.asdict(self.options),
        }

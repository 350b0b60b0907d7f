"""The embeddings of labels: of all, or of those that a step looks at."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from model.batch import Batch
from model.layers.dense import Embed
from model.noise import Noise
from model.ted.encoders import label_encoder
from model.ted.labels import Labels
from model.ted.options import TEDOptions

LABELS_AT_ONCE = 1024


# DIET has a `LabelTable`, too.
@keras.saving.register_keras_serializable(package="diet_ted_trainer", name="DialogueLabelTable")
class LabelTable(keras.layers.Layer):
    """The embeddings of all labels: names and texts encoded, summed and projected.

    Mirrors `TED._create_all_labels_embed` of Rasa.

    Args:
        labels: Their `to_json` form will do.
        options: Of the model; their `asdict` form will do.

    Call: labels as a batch of turns, all or some of them, and how many there are -> `[labels,
    embedding_dimension]` float32.
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

    def call(self, features: Batch, count: tf.Tensor, noise: Noise | None = None) -> tf.Tensor:
        rows = [encoder(features, count, noise=noise).rows for encoder in self.encoders]
        return tf.cast(self.embed(tf.add_n(rows)), tf.float32)

    def all_labels(self, noise: Noise | None = None) -> tf.Tensor:
        """The embeddings of all labels, `[labels, embedding_dimension]` float32.

        Of many, a part at a time: what lies between features and embeddings is a thousand times as
        large as these.
        """
        labels = self.labels
        if not labels.are_many:
            return self(labels.as_batch(), tf.constant(labels.count), noise=noise)
        parts = -(-labels.count // LABELS_AT_ONCE)
        size = tf.constant(LABELS_AT_ONCE)

        def part(number: tf.Tensor) -> tf.Tensor:
            some = tf.minimum(number * size + tf.range(size), labels.count - 1)
            return self(labels.some(some), size, noise=noise)

        made = tf.map_fn(
            part, tf.range(parts), fn_output_signature=tf.float32, parallel_iterations=1
        )
        return tf.reshape(made, [-1, made.shape[-1]])[: labels.count]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "labels": self.labels.to_json(),
            "options": dataclasses.asdict(self.options),
        }

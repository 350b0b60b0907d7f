"""The embeddings of all actions, as a layer without inputs."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from model.batch import Batch
from model.layers.dense import Embed
from model.layers.feature_widths import FeatureWidths
from model.noise import Noise
from model.ted.encoders import label_encoder
from model.ted.options import TEDOptions
from model.ted.sizes import TEDSizes


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class ActionTable(keras.layers.Layer):
    """The embeddings of all actions: names and texts encoded, summed and projected.

    Mirrors `TED._create_all_labels_embed` of Rasa.

    Args:
        sizes, options: As of `TED`; their `to_json` and `asdict` forms will do.

    Call: a scalar that is not looked at (Keras wants an input) -> `[labels, embedding_dimension]`
    float32.
    """

    def __init__(self, sizes: TEDSizes | dict, options: TEDOptions | dict, **kwargs: Any):
        super().__init__(**{**kwargs, "autocast": False})
        self.sizes = TEDSizes.from_json(sizes) if isinstance(sizes, dict) else sizes
        self.options = TEDOptions(**options) if isinstance(options, dict) else options

    def build(self, input_shape: object = None) -> None:
        count = self.sizes.num_labels
        widths = self.sizes.labels or {"action_name": FeatureWidths(sentence_dense=count)}
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

    def _features(self) -> Batch:
        """The actions as a batch whose turns they are."""
        if self.sizes.labels:
            return {key: tf.constant(value) for key, value in self.sizes.label_features.items()}
        count = self.sizes.num_labels
        return {
            "action_name_turns": tf.range(count, dtype=tf.int64),
            "action_name_dense": tf.eye(count),
        }

    def call(self, ignored: tf.Tensor, noise: Noise | None = None) -> tf.Tensor:
        features, count = self._features(), tf.constant(self.sizes.num_labels)
        rows = [encoder(features, count, noise=noise).rows for encoder in self.encoders]
        return tf.cast(self.embed(tf.add_n(rows)), tf.float32)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "sizes": self.sizes.to_json(),
            "options": dataclasses.asdict(self.options),
        }

"""The embeddings of all intents, as a layer without inputs."""

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
from model.unexpected_intent.options import UnexpectedIntentOptions
from model.unexpected_intent.sizes import UnexpectedIntentSizes


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class IntentTable(keras.layers.Layer):
    """The embeddings of all intents: names encoded and projected.

    Mirrors `TED._create_all_labels_embed` of Rasa with intents as labels.

    Args:
        sizes, options: As of `UnexpectedIntent`; their `to_json` and `asdict` forms will do.

    Call: a scalar that is not looked at (Keras wants an input) -> `[intents, embedding_dimension]`
    float32.
    """

    def __init__(
        self,
        sizes: UnexpectedIntentSizes | dict,
        options: UnexpectedIntentOptions | dict,
        **kwargs: Any,
    ):
        super().__init__(**{**kwargs, "autocast": False})
        self.sizes = UnexpectedIntentSizes.from_json(sizes) if isinstance(sizes, dict) else sizes
        self.options = UnexpectedIntentOptions(**options) if isinstance(options, dict) else options

    def build(self, input_shape: object = None) -> None:
        widths = self.sizes.label or FeatureWidths(sentence_dense=self.sizes.num_intents)
        self.encoder = label_encoder("intent", widths, self.options, self.dtype_policy)
        self.embed = Embed(
            self.options.embedding_dimension,
            regularization=self.options.regularization_constant,
            dtype=self.dtype_policy,
            name="embed",
        )
        self.embed.build((None, self.options.encoding_dimension))

    def _features(self) -> Batch:
        """The intents as a batch whose turns they are."""
        if self.sizes.label:
            return {key: tf.constant(value) for key, value in self.sizes.label_features.items()}
        count = self.sizes.num_intents
        return {"intent_turns": tf.range(count, dtype=tf.int64), "intent_dense": tf.eye(count)}

    def call(self, ignored: tf.Tensor, noise: Noise | None = None) -> tf.Tensor:
        count = tf.constant(self.sizes.num_intents)
        rows = self.encoder(self._features(), count, noise=noise).rows
        return tf.cast(self.embed(rows), tf.float32)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "sizes": self.sizes.to_json(),
            "options": dataclasses.asdict(self.options),
        }

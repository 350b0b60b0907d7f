"""The transformer encoder of DIET and TED, on packed rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from model.layers.attention import MultiHeadAttention
from model.layers.dense import RandomlyConnectedDense
from model.layers.packing import Packing
from model.layers.transformer_settings import TransformerSettings
from model.noise import Noise


def position_encoding(positions: tf.Tensor, units: int) -> tf.Tensor:
    """Sines and cosines of `positions` (`[rows]` int) as `[rows, units]` float32.

    Vaswani et al. 2017 (arXiv:1706.03762), section 3.5, sine and cosine interleaved.
    """
    columns = tf.range(units)
    rates = tf.pow(10000.0, -tf.cast(2 * (columns // 2), tf.float32) / units)
    angles = tf.cast(positions, tf.float32)[:, None] * rates[None, :]
    return tf.where(columns % 2 == 0, tf.sin(angles), tf.cos(angles))


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class TransformerEncoderLayer(keras.layers.Layer):
    """Attention and a position-wise network, each normalised before and added to its input.

    Mirrors `rasa.utils.tensorflow.transformer.TransformerEncoderLayer`.

    Args:
        settings: Of the encoder; their `asdict` form will do. The position-wise network is four
            times as wide as the rows.

    Call: `[packed, units]` and their `Packing` -> `[packed, units]`; with `first_only` those of the
    first position of each example, `[batch, units]`.
    """

    def __init__(self, settings: TransformerSettings | dict, **kwargs: Any):
        super().__init__(**kwargs)
        self.settings = TransformerSettings.of(settings)

    def build(self, input_shape: Sequence[Any]) -> None:
        units = self.settings.units
        self.attention_norm = self._norm("attention_norm")
        self.attention = MultiHeadAttention(
            self.settings, dtype=self.dtype_policy, name="attention"
        )
        self.attention.build((None, units))
        self.network_norm = self._norm("network_norm")
        self.widen = self._dense("widen", units, 4 * units, "gelu")
        self.narrow = self._dense("narrow", 4 * units, units, None)

    def _norm(self, name: str) -> keras.layers.LayerNormalization:
        layer = keras.layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy, name=name)
        layer.build((None, self.settings.units))
        return layer

    def _dense(
        self, name: str, width: int, units: int, activation: str | None
    ) -> RandomlyConnectedDense:
        layer = RandomlyConnectedDense(
            units,
            density=self.settings.density,
            activation=activation,
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build((None, width))
        return layer

    def call(
        self,
        rows: tf.Tensor,
        packing: Packing,
        noise: Noise | None = None,
        *,
        first_only: bool = False,
    ) -> tf.Tensor:
        normalised = self.attention_norm(rows)
        attended = self.attention(normalised, packing, noise=noise, first_only=first_only)
        if first_only:
            rows = tf.gather(rows, packing.starts)
        rows += self._drop("attended", attended, noise)
        wide = self._drop("wide", self.widen(self.network_norm(rows)), noise)
        return rows + self._drop("narrow", self.narrow(wide), noise)

    def _drop(self, place: str, rows: tf.Tensor, noise: Noise | None) -> tf.Tensor:
        if noise is None:
            return rows
        return noise.dropout(f"{self.path}/{place}_dropout", rows, self.settings.drop_rate)

    def get_config(self) -> dict:
        return {**super().get_config(), "settings": dataclasses.asdict(self.settings)}


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class TransformerEncoder(keras.layers.Layer):
    """A stack of `TransformerEncoderLayer` behind an input projection and position encodings.

    Mirrors `rasa.utils.tensorflow.transformer.TransformerEncoder`; only the input projection is
    regularised. As in Rasa the caller applies one more gelu to the output.

    Args:
        settings: Their `asdict` form will do.

    Call: `[packed, inputs]` and their `Packing` -> `[packed, units]`; with `first_only` those of
    the first position of each example, `[batch, units]`: the last layer is spared the others.

    >>> encoder = TransformerEncoder(TransformerSettings(units=8, num_heads=2))
    >>> packing = Packing.of_lengths(tf.constant([2, 1]), tf.constant(2))
    >>> tuple(encoder(tf.ones([3, 5]), packing).shape)
    (3, 8)
    """

    def __init__(self, settings: TransformerSettings | dict, **kwargs: Any):
        super().__init__(**kwargs)
        self.settings = TransformerSettings.of(settings)

    def build(self, input_shape: Sequence[Any]) -> None:
        settings = self.settings
        self.project = RandomlyConnectedDense(
            settings.units,
            density=settings.density,
            regularization=settings.regularization,
            dtype=self.dtype_policy,
            name="project",
        )
        self.project.build(input_shape)
        self.encoder_layers = [self._layer(number) for number in range(settings.num_layers)]
        self.norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=self.dtype_policy, name="norm"
        )
        self.norm.build((None, settings.units))

    def _layer(self, number: int) -> TransformerEncoderLayer:
        layer = TransformerEncoderLayer(
            self.settings, dtype=self.dtype_policy, name=f"layer_{number}"
        )
        layer.build((None, self.settings.units))
        return layer

    def call(
        self,
        rows: tf.Tensor,
        packing: Packing,
        noise: Noise | None = None,
        *,
        first_only: bool = False,
    ) -> tf.Tensor:
        units = self.settings.units
        encodings = tf.cast(position_encoding(tf.range(packing.time), units), self.compute_dtype)
        rows = self.project(rows) * units**0.5 + tf.gather(encodings, packing.cells[:, 1])
        if noise is not None:
            rows = noise.dropout(f"{self.path}/dropout", rows, self.settings.drop_rate)
        for layer in self.encoder_layers:
            is_last = layer is self.encoder_layers[-1]
            rows = layer(rows, packing, noise=noise, first_only=first_only and is_last)
        return self.norm(rows)

    def get_config(self) -> dict:
        return {**super().get_config(), "settings": dataclasses.asdict(self.settings)}

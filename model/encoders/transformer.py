"""The transformer encoder of DIET and TED, on packed rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from model.encoders.attention import MultiHeadAttention
from model.encoders.layer_norm import RowNormalization
from model.encoders.transformer_settings import TransformerSettings
from model.layers.compiled import common_length
from model.layers.dense import RandomlyConnectedDense
from model.layers.packing import Packing
from model.layers.row_passes import NO_DROPOUT, RowPasses
from model.noise import Noise

WIDE = 64
"""Units of rows from which on it pays to compile the passes over them for training."""


def position_encoding(positions: tf.Tensor, units: int) -> tf.Tensor:
    """Sines and cosines of `positions` (`[rows]` int) as `[rows, units]` float32.

    Vaswani et al. 2017 (arXiv:1706.03762), section 3.5, sine and cosine interleaved.
    """
    pairs = tf.range((units + 1) // 2)
    rates = tf.pow(10000.0, -tf.cast(2 * pairs, tf.float32) / units)
    angles = tf.cast(positions, tf.float32)[:, None] * rates[None, :]
    interleaved = tf.stack([tf.sin(angles), tf.cos(angles)], -1)
    return tf.reshape(interleaved, [-1, 2 * pairs.shape[0]])[:, :units]


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
        self.widen = self._dense("widen", units, 4 * units)
        self.narrow = self._dense("narrow", 4 * units, units)

    def _norm(self, name: str) -> RowNormalization:
        layer = RowNormalization(epsilon=1e-6, dtype=self.dtype_policy, name=name)
        layer.build((None, self.settings.units))
        return layer

    def _dense(self, name: str, width: int, units: int) -> RandomlyConnectedDense:
        layer = RandomlyConnectedDense(
            units, density=self.settings.density, dtype=self.dtype_policy, name=name
        )
        layer.build((None, width))
        return layer

    def call(
        self,
        rows: tf.Tensor,
        packing: Packing,
        *,
        passes: RowPasses = NO_DROPOUT,
        first_only: bool = False,
    ) -> tf.Tensor:
        normalised = self.attention_norm(rows)
        attended = self.attention(normalised, packing, noise=passes.noise, first_only=first_only)
        if first_only:  # a row per example, in any number
            rows, passes = tf.gather(rows, packing.starts), passes._replace(compiled=False)
        rows += passes.dropped(f"{self.path}/attended_dropout", attended)
        wide = self.widen(self.network_norm(rows))
        wide = passes.activated(f"{self.path}/wide_dropout", wide)
        return rows + passes.dropped(f"{self.path}/narrow_dropout", self.narrow(wide))

    def get_config(self) -> dict:
        return {**super().get_config(), "settings": dataclasses.asdict(self.settings)}


def _first(rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """`rows[:count]`, whose gradient takes longer than that of a split."""
    return tf.split(rows, tf.stack([count, -1]))[0]


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
        self.norm = RowNormalization(epsilon=1e-6, dtype=self.dtype_policy, name="norm")
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
        settings = self.settings
        count = tf.shape(rows)[0]
        results = tf.shape(packing.lengths)[0] if first_only else count
        dropping = noise is not None and settings.drop_rate > 0
        passes = RowPasses(noise, settings.drop_rate, dropping and settings.units >= WIDE)
        rows = self.project(rows)
        if passes.compiled:
            length = common_length(count)
            rows = tf.pad(rows, [[0, length - count], [0, 0]])
            packing = packing.filled_up(length)
        units = settings.units
        encodings = tf.cast(position_encoding(tf.range(packing.time), units), self.compute_dtype)
        rows = rows * units**0.5 + tf.gather(encodings, packing.cells[:, 1])
        rows = passes.dropped(f"{self.path}/dropout", rows)
        for layer in self.encoder_layers:
            is_last = layer is self.encoder_layers[-1]
            rows = layer(rows, packing, passes=passes, first_only=first_only and is_last)
        return _first(self.norm(rows), results)

    def get_config(self) -> dict:
        return {**super().get_config(), "settings": dataclasses.asdict(self.settings)}

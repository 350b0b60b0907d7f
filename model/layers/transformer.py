"""The transformer encoder of DIET and TED, on packed rows."""

from __future__ import annotations

import keras
import tensorflow as tf

from model.layers.attention import MultiHeadAttention
from model.layers.dense import RandomlyConnectedDense
from model.layers.packing import Packing
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
        units: Width of input and output; the position-wise network is four times as wide.
        num_heads, drop_rate_attention, density, unidirectional, relative_keys, relative_values,
            max_relative_position: See `MultiHeadAttention`.
        drop_rate: Dropout on both branches and inside the network.

    Call: `[packed, units]` and their `Packing` -> `[packed, units]`; with `first_only` those of the
    first position of each example, `[batch, units]`.
    """

    def __init__(
        self,
        units: int,
        *,
        num_heads: int,
        drop_rate: float = 0.0,
        drop_rate_attention: float = 0.0,
        density: float = 1.0,
        unidirectional: bool = False,
        relative_keys: bool = False,
        relative_values: bool = False,
        max_relative_position: int = 5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.num_heads = num_heads
        self.drop_rate = drop_rate
        self.drop_rate_attention = drop_rate_attention
        self.density = density
        self.unidirectional = unidirectional
        self.relative_keys = relative_keys
        self.relative_values = relative_values
        self.max_relative_position = max_relative_position

    def build(self, input_shape) -> None:
        self.attention_norm = self._norm("attention_norm")
        self.attention = MultiHeadAttention(
            self.units,
            num_heads=self.num_heads,
            drop_rate=self.drop_rate_attention,
            density=self.density,
            unidirectional=self.unidirectional,
            relative_keys=self.relative_keys,
            relative_values=self.relative_values,
            max_relative_position=self.max_relative_position,
            dtype=self.dtype_policy,
            name="attention",
        )
        self.attention.build((None, self.units))
        self.network_norm = self._norm("network_norm")
        self.widen = self._dense("widen", self.units, 4 * self.units, "gelu")
        self.narrow = self._dense("narrow", 4 * self.units, self.units, None)

    def _norm(self, name: str) -> keras.layers.LayerNormalization:
        layer = keras.layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy, name=name)
        layer.build((None, self.units))
        return layer

    def _dense(self, name: str, width: int, units: int, activation: str | None):
        layer = RandomlyConnectedDense(
            units, density=self.density, activation=activation, dtype=self.dtype_policy, name=name
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
        return noise.dropout(f"{self.path}/{place}_dropout", rows, self.drop_rate)

    def get_config(self) -> dict:
        names = (
            "units num_heads drop_rate drop_rate_attention density unidirectional relative_keys "
            "relative_values max_relative_position"
        ).split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class TransformerEncoder(keras.layers.Layer):
    """A stack of `TransformerEncoderLayer` behind an input projection and position encodings.

    Mirrors `rasa.utils.tensorflow.transformer.TransformerEncoder`; only the input projection is
    regularised. As in Rasa the caller applies one more gelu to the output.

    Args:
        num_layers: How many layers.
        regularization: L2 constant of the input projection.
        **kwargs: `drop_rate`, which also acts behind the position encodings, and all further
            arguments of `TransformerEncoderLayer`.

    Call: `[packed, inputs]` and their `Packing` -> `[packed, units]`; with `first_only` those of
    the first position of each example, `[batch, units]`: the last layer is spared the others.

    >>> encoder = TransformerEncoder(8, num_layers=1, num_heads=2)
    >>> packing = Packing.of_lengths(tf.constant([2, 1]), tf.constant(2))
    >>> tuple(encoder(tf.ones([3, 5]), packing).shape)
    (3, 8)
    """

    def __init__(
        self,
        units: int,
        *,
        num_layers: int,
        num_heads: int,
        drop_rate: float = 0.0,
        drop_rate_attention: float = 0.0,
        density: float = 1.0,
        regularization: float = 0.0,
        unidirectional: bool = False,
        relative_keys: bool = False,
        relative_values: bool = False,
        max_relative_position: int = 5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.drop_rate = drop_rate
        self.drop_rate_attention = drop_rate_attention
        self.density = density
        self.regularization = regularization
        self.unidirectional = unidirectional
        self.relative_keys = relative_keys
        self.relative_values = relative_values
        self.max_relative_position = max_relative_position

    def build(self, input_shape) -> None:
        self.project = RandomlyConnectedDense(
            self.units,
            density=self.density,
            regularization=self.regularization,
            dtype=self.dtype_policy,
            name="project",
        )
        self.project.build(input_shape)
        self.encoder_layers = [self._layer(number) for number in range(self.num_layers)]
        self.norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=self.dtype_policy, name="norm"
        )
        self.norm.build((None, self.units))

    def _layer(self, number: int) -> TransformerEncoderLayer:
        layer = TransformerEncoderLayer(
            self.units,
            num_heads=self.num_heads,
            drop_rate=self.drop_rate,
            drop_rate_attention=self.drop_rate_attention,
            density=self.density,
            unidirectional=self.unidirectional,
            relative_keys=self.relative_keys,
            relative_values=self.relative_values,
            max_relative_position=self.max_relative_position,
            dtype=self.dtype_policy,
            name=f"layer_{number}",
        )
        layer.build((None, self.units))
        return layer

    def call(
        self,
        rows: tf.Tensor,
        packing: Packing,
        noise: Noise | None = None,
        *,
        first_only: bool = False,
    ) -> tf.Tensor:
        encoding = position_encoding(packing.cells[:, 1], self.units)
        rows = self.project(rows) * self.units**0.5 + tf.cast(encoding, self.compute_dtype)
        if noise is not None:
            rows = noise.dropout(f"{self.path}/dropout", rows, self.drop_rate)
        for layer in self.encoder_layers:
            is_last = layer is self.encoder_layers[-1]
            rows = layer(rows, packing, noise=noise, first_only=first_only and is_last)
        return self.norm(rows)

    def get_config(self) -> dict:
        names = (
            "units num_layers num_heads drop_rate drop_rate_attention density regularization "
            "unidirectional relative_keys relative_values max_relative_position"
        ).split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

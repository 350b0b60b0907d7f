"""Multi-head attention over packed rows, with Rasa's relative positions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from model.encoders.head_layout import HeadLayout
from model.encoders.transformer_settings import TransformerSettings
from model.layers.dense import RandomlyConnectedDense, multiply
from model.layers.packing import Packing
from model.noise import Noise


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class MultiHeadAttention(keras.layers.Layer):
    """Scaled dot-product self-attention (`rasa.utils.tensorflow.transformer.MultiHeadAttention`).

    Relative positions follow Shaw et al. 2018 (arXiv:1803.02155), with one table per head; offsets
    beyond `max_relative_position` use the outermost vectors. The softmax is taken in float32.

    Args:
        settings: Of the encoder; their `asdict` form will do.

    Call: `[packed, inputs]` and their `Packing` -> `[packed, units]`; with `first_only`, which is
    not for unidirectional ones, only what the first position of each example attends to:
    `[batch, units]`.

    >>> layer = MultiHeadAttention(TransformerSettings(units=8, num_heads=2))
    >>> packing = Packing.of_lengths(tf.constant([2, 1]), tf.constant(2))
    >>> tuple(layer(tf.ones([3, 8]), packing).shape)
    (3, 8)
    """

    def __init__(self, settings: TransformerSettings | dict, **kwargs: Any):
        super().__init__(**kwargs)
        self.settings = TransformerSettings.of(settings)
        units, num_heads = self.settings.units, self.settings.num_heads
        if units % num_heads:
            raise ValueError(
                "The width of a transformer must be a multiple of its number of heads. "
                f"Received: units={units}, num_heads={num_heads}"
            )
        self._head_width = units // num_heads

    def build(self, input_shape: Sequence[Any]) -> None:
        self.query = self._dense("query", input_shape[-1])
        self.key = self._dense("key", input_shape[-1])
        self.value = self._dense("value", input_shape[-1])
        self.output_layer = self._dense("output", self.settings.units, use_bias=True)
        settings = self.settings
        self.key_table = self._table("relative_keys") if settings.relative_keys else None
        self.value_table = self._table("relative_values") if settings.relative_values else None

    def _dense(self, name: str, width: int, use_bias: bool = False) -> RandomlyConnectedDense:
        layer = RandomlyConnectedDense(
            self.settings.units,
            density=self.settings.density,
            use_bias=use_bias,
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build((None, width))
        return layer

    @property
    def _num_offsets(self) -> int:
        settings = self.settings
        return settings.max_relative_position * (1 if settings.unidirectional else 2) + 1

    def _table(self, name: str) -> tf.Variable:
        shape = (self.settings.num_heads, self._num_offsets, self._head_width)
        return self.add_weight(shape=shape, initializer="glorot_uniform", name=name)

    def call(
        self,
        rows: tf.Tensor,
        packing: Packing,
        noise: Noise | None = None,
        *,
        first_only: bool = False,
    ) -> tf.Tensor:
        layout = HeadLayout.of(packing, self.settings.num_heads)
        query, key, value = self._projected(rows, packing, layout, first_only)
        offsets = None
        if self.key_table is not None or self.value_table is not None:
            offsets = self._offsets(packing.time)
            offsets = offsets[:1] if first_only else offsets
        logits = tf.matmul(query, key, transpose_b=True)
        if self.key_table is not None:
            table = tf.convert_to_tensor(self.key_table)
            per_offset = tf.einsum("bhid,hrd->bhir", query, table)
            logits += tf.einsum("bhir,ijr->bhij", per_offset, offsets)
        weights = self._weights(logits, packing, noise)
        attended = tf.matmul(weights, value)
        if self.value_table is not None:
            per_offset = tf.einsum("bhij,ijr->bhir", weights, offsets)
            table = tf.convert_to_tensor(self.value_table)
            attended += tf.einsum("bhir,hrd->bhid", per_offset, table)
        units = self.settings.units
        if first_only:  # of one position per example, heads lie side by side as they are
            return self.output_layer(tf.reshape(attended, [-1, units]))
        return self.output_layer(layout.joined(attended))

    def _projected(
        self, rows: tf.Tensor, packing: Packing, layout: HeadLayout, first_only: bool
    ) -> tuple[tf.Tensor, ...]:
        """Queries, keys and values, `[batch, heads, time, head width]` each.

        One product for all three: half of the time of one each.
        """
        if not first_only:
            return layout.split(self._multiplied(rows, "query", "key", "value"), 3)
        first = self._multiplied(tf.gather(rows, packing.starts), "query")
        query = tf.reshape(first, [-1, self.settings.num_heads, 1, self._head_width])
        return query, *layout.split(self._multiplied(rows, "key", "value"), 2)

    def _multiplied(self, rows: tf.Tensor, *names: str) -> tf.Tensor:
        """The named projections of `rows`, side by side."""
        kernels = [getattr(self, name).connected_kernel() for name in names]
        return multiply(rows, tf.concat(kernels, 1))

    def _offsets(self, time: tf.Tensor) -> tf.Tensor:
        """One-hot `[time, time, offsets]`: which table row belongs to (query, key)."""
        limit = self.settings.max_relative_position
        distance = tf.range(time)[None, :] - tf.range(time)[:, None]
        distance = tf.clip_by_value(distance, -limit, 0 if self.settings.unidirectional else limit)
        return tf.one_hot(distance + limit, self._num_offsets, dtype=self.compute_dtype)

    def _weights(self, logits: tf.Tensor, packing: Packing, noise: Noise | None) -> tf.Tensor:
        """Attention weights `[batch, heads, queries, keys]`; `logits` are not scaled yet."""
        logits = tf.cast(logits, tf.float32) * self._head_width**-0.5
        hidden = ~tf.sequence_mask(packing.lengths, packing.time)[:, None, None, :]
        if self.settings.unidirectional:
            positions = tf.range(packing.time)
            hidden |= positions[None, :] > positions[:, None]
        rate = self.settings.drop_rate_attention
        if noise is not None and rate > 0:
            hidden |= ~noise.keep(f"{self.path}/keys", tf.shape(logits), rate)
        # Added, not put in its place: a query whose every key is hidden still prefers likely ones.
        logits += tf.where(hidden, -1e9, 0.0)
        return tf.cast(tf.nn.softmax(logits), self.compute_dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "settings": dataclasses.asdict(self.settings)}

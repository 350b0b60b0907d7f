"""Which tokens of a text are hidden from a masked language model, and what stands there instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from model.layers.feature_combining import Places
from model.noise import Noise
from model.replicas import ONE_REPLICA, Replicas, global_row_offset

CHOSEN = 0.15
MASKED = 0.7
MASKED_OR_SHUFFLED = 0.8


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class InputMask(keras.layers.Layer):
    """Chooses 15 % of the tokens; of these 70 % become a learned vector, 10 % another token's.

    The sentence position is never chosen. "Another token" is found by shuffling first the texts of
    the global batch and then, alike in all texts, the positions; where that leads to padding or a
    sentence, noise within the range of the input is taken. No gradient reaches the other token.
    All choices are made for the global batch, so they do not depend on the number of replicas, and
    no text without tokens takes part. Mirrors `rasa.utils.tensorflow.layers.InputMask`.

    Call: rows `[packed, units]`, their `Places`, `token_mask` `[batch, time]` -> the changed rows
    and the chosen cells of the *global* batch, `[global batch, time]` bool.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**{**kwargs, "autocast": False})

    def build(self, input_shape: Sequence[Any]) -> None:
        # Rasa's shape: it decides the range of the initial values.
        self.vector = self.add_weight(
            shape=(1, 1, input_shape[-1]), initializer="glorot_uniform", name="vector"
        )

    def call(
        self,
        rows: tf.Tensor,
        places: Places,
        token_mask: tf.Tensor,
        *,
        noise: Noise,
        replicas: Replicas = ONE_REPLICA,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        (tokens,) = replicas.all_gather([token_mask])
        shape = tf.shape(tokens)
        chosen = noise.uniform(f"{self.path}/chosen", shape, shared=True) * tokens >= 1 - CHOSEN
        action = noise.uniform(f"{self.path}/action", shape, shared=True)
        masked = self._own(chosen & (action < MASKED), places, replicas)
        shuffled = chosen & (action >= MASKED) & (action < MASKED_OR_SHUFFLED)
        vector = tf.cast(tf.reshape(tf.convert_to_tensor(self.vector), [1, -1]), rows.dtype)
        changed = tf.where(masked[:, None], vector, rows)
        return self._shuffle(changed, rows, places, tokens, shuffled, noise, replicas), chosen

    def _own(self, grid: tf.Tensor, places: Places, replicas: Replicas) -> tf.Tensor:
        """This replica's part of a global `[global batch, time]` grid, as `[packed]`."""
        batch = tf.shape(places.token_counts)[0]
        first = global_row_offset(replicas, batch)
        extra = places.packing.time - tf.shape(grid)[1]
        return places.packing.pack(tf.pad(grid[first : first + batch], [[0, 0], [0, extra]]))

    def _shuffle(
        self,
        changed: tf.Tensor,
        rows: tf.Tensor,
        places: Places,
        tokens: tf.Tensor,
        shuffled: tf.Tensor,
        noise: Noise,
        replicas: Replicas,
    ) -> tf.Tensor:
        """Put other tokens' `rows` into the `shuffled` cells (`[picks]`) of `changed`."""
        batch = tf.shape(places.token_counts)[0]
        first = global_row_offset(replicas, batch)
        cells = tf.cast(tf.where(shuffled), tf.int32)
        source, from_token = self._sources(cells, places, tokens, noise)
        vectors = self._fetch(rows, source, from_token, first, places, replicas)
        low, high = self._range(rows, places, replicas)
        draws = noise.uniform(f"{self.path}/padding", tf.shape(vectors), shared=True)
        vectors = tf.where(from_token[:, None], vectors, low + (high - low) * draws)
        own = (cells[:, 0] >= first) & (cells[:, 0] < first + batch)
        targets = tf.boolean_mask(cells, own)
        targets = tf.gather(places.packing.starts, targets[:, 0] - first) + targets[:, 1]
        vectors = tf.stop_gradient(tf.cast(tf.boolean_mask(vectors, own), rows.dtype))
        return tf.tensor_scatter_nd_update(changed, targets[:, None], vectors)

    def _sources(
        self, cells: tf.Tensor, places: Places, tokens: tf.Tensor, noise: Noise
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The global cell that each pick takes its vector from, and whether a token is there."""
        counts = tf.cast(tf.reduce_sum(tokens, 1), tf.int32)
        draws = noise.uniform(f"{self.path}/texts", tf.shape(counts), shared=True)
        texts = tf.argsort(tf.where(counts > 0, draws, 2.0))
        positions = tf.argsort(
            noise.uniform(f"{self.path}/positions", [places.packing.time], shared=True)
        )
        source = tf.stack([tf.gather(texts, cells[:, 0]), tf.gather(positions, cells[:, 1])], 1)
        return source, source[:, 1] < tf.gather(counts, source[:, 0])

    def _fetch(
        self,
        rows: tf.Tensor,
        source: tf.Tensor,
        from_token: tf.Tensor,
        first: tf.Tensor,
        places: Places,
        replicas: Replicas,
    ) -> tf.Tensor:
        """The vectors `[picks, units]` at the cells `source`, each from the replica that has it."""
        text = source[:, 0] - first
        here = from_token & (text >= 0) & (text < tf.shape(places.token_counts)[0])
        row = tf.gather(places.packing.starts, tf.where(here, text, 0)) + source[:, 1]
        vectors = tf.cast(tf.gather(rows, tf.where(here, row, 0)), tf.float32)
        vectors = tf.where(here[:, None], vectors, 0.0)
        # One row more than needed, since no collective likes an empty tensor.
        (vectors,) = replicas.all_reduce_sum([tf.pad(vectors, [[0, 1], [0, 0]])])
        return vectors[:-1]

    def _range(
        self, rows: tf.Tensor, places: Places, replicas: Replicas
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The least and the greatest value in the texts of the global batch."""
        values = tf.cast(rows, tf.float32)
        has_tokens = tf.gather(places.token_counts > 0, places.packing.cells[:, 0])[:, None]
        low = tf.reduce_min(tf.where(has_tokens, values, tf.float32.max))
        high = tf.reduce_max(tf.where(has_tokens, values, tf.float32.min))
        extremes = replicas.all_reduce_max(tf.stack([-low, high]))
        return -extremes[0], extremes[1]

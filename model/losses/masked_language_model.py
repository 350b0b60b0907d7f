"""The loss of the masked language model: the hidden tokens are to be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from model.encoders.text_encoder import EncodedText
from model.layers.dense import Embed
from model.loss_term import LossTerm
from model.losses.dot_product_loss import Candidates, DotProductLoss, Pairs
from model.noise import Noise
from model.replicas import ONE_REPLICA, Replicas, gather_rows


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class TokenGuessing(keras.layers.Layer):
    """Draws the encoder's output at chosen tokens to what stood there before they were hidden.

    Candidates are all chosen tokens of the global batch; tokens with equal features (equal ids) are
    no negatives of each other. Mirrors Rasa's `DIET._mask_loss`.

    Args:
        embedding_dimension: Width of the two embeddings.
        regularization: L2 constant of their kernels.
        loss: The configuration of the `DotProductLoss`, without `scale_loss`.

    Call: `EncodedText`, `token_ids` `[batch, time]` int64 -> loss and accuracy as `LossTerm`s.
    """

    def __init__(
        self, embedding_dimension: int, *, regularization: float = 0.0, loss: dict, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.embedding_dimension = embedding_dimension
        self.regularization = regularization
        self.loss = dict(loss)

    def build(self, encoded_shape: Sequence[Any], unmasked_shape: Sequence[Any]) -> None:
        self.guess = self._embed("guess", encoded_shape[-1])
        self.truth = self._embed("truth", unmasked_shape[-1])
        self.comparison = DotProductLoss(**self.loss, name="comparison")
        self.comparison.build()

    def _embed(self, name: str, width: int) -> Embed:
        layer = Embed(
            self.embedding_dimension,
            regularization=self.regularization,
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build((None, width))
        return layer

    def call(
        self,
        encoded: EncodedText,
        token_ids: tf.Tensor,
        *,
        noise: Noise,
        replicas: Replicas = ONE_REPLICA,
    ) -> tuple[LossTerm, LossTerm]:
        chosen = _at_least_one(encoded.chosen)
        batch = tf.shape(token_ids)[0]
        per_replica = tf.reshape(chosen, [replicas.count, batch * tf.shape(token_ids)[1]])
        counts = tf.math.count_nonzero(per_replica, 1, dtype=tf.int32)
        own = tf.cast(
            tf.where(tf.reshape(per_replica[replicas.index], tf.shape(token_ids))), tf.int32
        )
        rows = tf.gather(encoded.places.packing.starts, own[:, 0]) + own[:, 1]
        guesses = tf.cast(self.guess(tf.gather(encoded.rows, rows)), tf.float32)
        truths = tf.cast(self.truth(tf.gather(encoded.unmasked, rows)), tf.float32)
        ids = tf.gather_nd(token_ids, own)
        everyone = gather_rows([guesses, truths, ids], replicas, counts)
        all_guesses, all_truths, all_ids = everyone.tensors
        first, count = everyone.first, everyone.count
        pairs = Pairs(guesses, truths, ids, tf.ones_like(guesses[:, 0]), first, count)
        return self.comparison(
            pairs,
            Candidates(all_truths, all_ids, count),
            Candidates(all_guesses, all_ids, count),
            noise=noise,
            replicas=replicas,
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "embedding_dimension": self.embedding_dimension,
            "regularization": self.regularization,
            "loss": self.loss,
        }


def _at_least_one(chosen: tf.Tensor) -> tf.Tensor:
    """`chosen`, or the very first token where none is, since the loss needs one (as in Rasa)."""
    cells = tf.range(tf.size(chosen))
    first = tf.reshape(cells == 0, tf.shape(chosen))
    return chosen | (first & ~tf.reduce_any(chosen))

"""One head that tags tokens: entity types, or roles or groups given the entity types; its F1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from model.layers.dense import Embed
from model.layers.feature_combining import Places
from model.loss_term import LossTerm
from model.losses.crf import CRF
from model.replicas import ONE_REPLICA, Replicas


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class TagHead(keras.layers.Layer):
    """Projects rows to tag scores and reads them as a CRF.

    Roles and groups see the entity tags, one-hot and embedded: the true ones in training, the
    decoded ones in answers (Rasa's `_calculate_entity_loss`, `_batch_predict_entities`).

    Args:
        num_tags: Tags of this head.
        num_given_tags: Entity tags that the head is given; 0 = none.
        embedding_dimension: Width of the given tags' embedding.
        regularization: L2 constant of all kernels and the transitions.
        scale_loss, confidence: See `CRF`.

    Call: `rows` `[packed, units]`, their `Places`, `given` `[batch, time]` int32 or None -> decoded
    tags `[batch, time]` int32 and confidences `[batch, time]` float32.
    """

    def __init__(
        self,
        num_tags: int,
        *,
        num_given_tags: int = 0,
        embedding_dimension: int = 20,
        regularization: float = 0.0,
        scale_loss: bool = False,
        confidence: str = "rasa",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_tags = num_tags
        self.num_given_tags = num_given_tags
        self.embedding_dimension = embedding_dimension
        self.regularization = regularization
        self.scale_loss = scale_loss
        self.confidence = confidence

    def build(self, input_shape: Sequence[Any]) -> None:
        width = input_shape[-1]
        self.given = None
        if self.num_given_tags:
            self.given = self._embed("given_tags", self.num_given_tags, self.embedding_dimension)
            width += self.embedding_dimension
        self.scores = self._embed("scores", width, self.num_tags)
        self.crf = CRF(
            self.num_tags,
            regularization=self.regularization,
            scale_loss=self.scale_loss,
            confidence=self.confidence,
            name="crf",
        )
        self.crf.build()

    def _embed(self, name: str, width: int, units: int) -> Embed:
        layer = Embed(units, regularization=self.regularization, dtype=self.dtype_policy, name=name)
        layer.build((None, width))
        return layer

    def potentials(
        self, rows: tf.Tensor, places: Places, token_time: tf.Tensor, given: tf.Tensor | None
    ) -> tf.Tensor:
        """The score of each tag at each token, `[batch, token_time, tags]` float32."""
        if self.given is not None:
            extra = places.packing.time - token_time
            tags = places.packing.pack(tf.pad(given, [[0, 0], [0, extra]]))
            one_hot = tf.one_hot(tags, self.num_given_tags, dtype=rows.dtype)
            rows = tf.concat([rows, self.given(one_hot)], -1)
        return places.packing.unpack(tf.cast(self.scores(rows), tf.float32), token_time)

    def loss(
        self,
        rows: tf.Tensor,
        places: Places,
        tags: tf.Tensor,
        weights: tf.Tensor,
        given: tf.Tensor | None = None,
        replicas: Replicas = ONE_REPLICA,
    ) -> LossTerm:
        """The CRF's loss of the true `tags` (`[batch, time]` int32)."""
        potentials = self.potentials(rows, places, tf.shape(tags)[1], given)
        return self.crf.loss(potentials, tags, places.token_counts, weights, replicas)

    def call(
        self,
        rows: tf.Tensor,
        places: Places,
        token_time: tf.Tensor,
        given: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        potentials = self.potentials(rows, places, token_time, given)
        return self.crf.decode(potentials, places.token_counts)

    def get_config(self) -> dict:
        names = (
            "num_tags num_given_tags embedding_dimension regularization scale_loss confidence"
        ).split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def tag_f1(predicted: tf.Tensor, true: tf.Tensor) -> LossTerm:
    """The micro F1 of tags (`[batch, time]` int32): 2 · hits / (predicted + true ones).

    Every tag but 0 is a class, BILOU prefixes included, as in Rasa's `CRF.f1_score`. Since it is a
    quotient of sums, it is exact over batches and replicas; Rasa takes the mean over batches.

    >>> hits, tags = tag_f1(tf.constant([[1, 2, 0]]), tf.constant([[1, 3, 0]]))
    >>> (float(hits), float(tags))
    (2.0, 4.0)
    """
    hits = tf.math.count_nonzero((predicted == true) & (true != 0), dtype=tf.float32)
    tags = tf.math.count_nonzero(predicted) + tf.math.count_nonzero(true)
    return LossTerm(2 * hits, tf.cast(tags, tf.float32))

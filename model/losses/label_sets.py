"""The loss for inputs that have several labels at once: a yes or no for each drawn label."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from model.loss_term import LossTerm, scale_easy_examples
from model.losses.dot_product_loss import similarity
from model.noise import Noise
from model.replicas import ONE_REPLICA, Replicas, global_row_offset

NO_LABEL = -1
"""Fills up a row of labels that is shorter than others."""


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class LabelSetLoss(keras.layers.Layer):
    """Rasa's `MultiLabelDotProductLoss`, in float32, for similarity "inner".

    For each row, labels are drawn, with replacement, from all there are. A row's loss is the mean
    sigmoid cross-entropy of its own labels, whose target is 1, and of the drawn ones, whose target
    is 1 where they are the row's own, too.

    Args:
        num_candidates: Labels drawn per row.
        scale_loss: See `scale_easy_examples`; here every single label is an example.

    Call: inputs `[rows, units]`, all labels `[labels, units]`, which labels each row has `[rows,
    most]` int32 (filled up with `NO_LABEL`), weights `[rows]` float32 -> the loss and the share of
    right decisions in a row, as `LossTerm`s. Without `noise` the draws are the same at every call.
    """

    def __init__(self, *, num_candidates: int = 20, scale_loss: bool = False, **kwargs: Any):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.num_candidates = num_candidates
        self.scale_loss = scale_loss

    def build(self, input_shape: object = None) -> None:
        """There are no weights."""

    def call(
        self,
        inputs: tf.Tensor,
        labels: tf.Tensor,
        ids: tf.Tensor,
        weights: tf.Tensor,
        noise: Noise | None = None,
        replicas: Replicas = ONE_REPLICA,
    ) -> tuple[LossTerm, LossTerm]:
        noise = noise or Noise(seed=0, step=tf.zeros([], tf.int64))
        drawn = self._draw(tf.shape(ids)[0], tf.shape(labels)[0], noise, replicas)
        asked = tf.concat([ids, drawn], 1)
        counts = tf.cast(asked != NO_LABEL, tf.float32)
        is_own = tf.reduce_any(asked[:, :, None] == ids[:, None, :], -1)
        targets = tf.cast(is_own, tf.float32)
        logits = similarity(inputs[:, None], tf.gather(labels, tf.maximum(asked, 0)), "inner")
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
        if self.scale_loss:
            losses = scale_easy_examples(losses, counts * weights[:, None], replicas)
        right = tf.cast(tf.round(tf.sigmoid(logits)) == targets, tf.float32)
        means = [tf.reduce_sum(of * counts, 1) / tf.reduce_sum(counts, 1) for of in (losses, right)]
        return LossTerm.of_rows(means[0], weights), LossTerm.of_rows(means[1], weights)

    def _draw(
        self, rows: tf.Tensor, labels: tf.Tensor, noise: Noise, replicas: Replicas
    ) -> tf.Tensor:
        # Drawn for the global batch and cut: the draws do not depend on who holds a row.
        shape = tf.stack([rows * replicas.count, self.num_candidates])
        drawn = noise.indices(f"{self.path}/labels", shape, labels, shared=True)
        first = global_row_offset(replicas, rows)
        return drawn[first : first + rows]

    def get_config(self) -> dict:
        settings = {"num_candidates": self.num_candidates, "scale_loss": self.scale_loss}
        return {**super().get_config(), **settings}

"""The conditional random field that scores and finds the tags of a text."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from model.layers.dense import l2
from model.loss_term import LossTerm, scale_easy_examples
from model.losses.linear_chain import best_path, log_partition, path_score
from model.replicas import ONE_REPLICA, Replicas


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class CRF(keras.layers.Layer):
    """A linear-chain CRF without start and end scores (`rasa.utils.tensorflow.layers.CRF`).

    Always in float32, or better. What the confidence of a decoded tag is depends on `confidence`;
    the decoded tags do not. Let `s[t+1][k]` be the probability of the best way into tag k of the
    next position among all ways into it. Then a tag's confidence is:

    * "intended": `s[t+1][k]`, k being the decoded next tag;
    * "rasa" (default, what Rasa answers): the same for the last tag but one, while before that
      k is the next tag's *confidence* cut to an integer, that is nearly always tag 0.

    The last tag has the probability of its best path among the best paths to any last tag.

    Args:
        num_tags: How many tags there are.
        regularization: L2 constant of the transitions.
        scale_loss: See `scale_easy_examples`.
        confidence: "rasa" or "intended".

    Call: `potentials` `[batch, time, tags]`, `lengths` `[batch]` int32 -> `decode`.

    >>> crf = CRF(3)
    >>> tags, confidences = crf(tf.random.normal([2, 4, 3]), tf.constant([4, 0]))
    >>> tags.numpy()[1].tolist()
    [0, 0, 0, 0]
    """

    def __init__(
        self,
        num_tags: int,
        *,
        regularization: float = 0.0,
        scale_loss: bool = False,
        confidence: str = "rasa",
        **kwargs: Any,
    ):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if confidence not in ("rasa", "intended"):
            raise ValueError(f'`confidence` must be "rasa" or "intended". Received: {confidence!r}')
        self.num_tags = num_tags
        self.regularization = regularization
        self.scale_loss = scale_loss
        self.confidence = confidence

    def build(self, input_shape: object = None) -> None:
        self.transitions = self.add_weight(
            shape=(self.num_tags, self.num_tags),
            initializer="glorot_uniform",
            regularizer=l2(self.regularization),
            autocast=False,
            name="transitions",
        )

    def log_likelihood(
        self, potentials: tf.Tensor, tags: tf.Tensor, lengths: tf.Tensor
    ) -> tf.Tensor:
        """The log-probability `[batch]` float32 of `tags` (`[batch, time]` int32)."""
        potentials = tf.cast(potentials, tf.float32)
        transitions = tf.convert_to_tensor(self.transitions)
        score = path_score(potentials, transitions, tags, lengths)
        return score - log_partition(potentials, transitions, lengths)

    def loss(
        self,
        potentials: tf.Tensor,
        tags: tf.Tensor,
        lengths: tf.Tensor,
        weights: tf.Tensor,
        replicas: Replicas = ONE_REPLICA,
    ) -> LossTerm:
        """The negative log-likelihood of whole texts, weighted by `weights` (`[batch]` float32)."""
        losses = -self.log_likelihood(potentials, tags, lengths)
        if self.scale_loss:
            losses = scale_easy_examples(losses, weights, replicas)
        return LossTerm.of_rows(losses, weights)

    def decode(self, potentials: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The likeliest tags and their confidences, `[batch, time]` int32 and float32."""
        transitions = tf.convert_to_tensor(self.transitions)
        return best_path(potentials, transitions, lengths, self.confidence)

    def call(self, potentials: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.decode(potentials, lengths)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_tags": self.num_tags,
            "regularization": self.regularization,
            "scale_loss": self.scale_loss,
            "confidence": self.confidence,
        }

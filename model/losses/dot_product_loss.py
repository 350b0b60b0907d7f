"""The loss that draws a text to its label: similarities to sampled negatives, compared."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from model.loss_term import LossTerm, scale_easy_examples
from model.noise import Noise
from model.replicas import ONE_REPLICA, Replicas


class Pairs(NamedTuple):
    """This replica's rows: inputs and the labels that belong to them.

    Attributes:
        inputs, labels: `[rows, units]`.
        ids: `[rows]` int, what tells labels apart.
        weights: `[rows]` float32, 0 = a row that only fills the batch.
        first: int32 scalar, the place of the first row among the global rows.
        count: int32 scalar, how many global rows there are.
    """

    inputs: tf.Tensor
    labels: tf.Tensor
    ids: tf.Tensor
    weights: tf.Tensor
    first: tf.Tensor
    count: tf.Tensor


class Candidates(NamedTuple):
    """What negatives are drawn from, the same on every replica.

    Attributes:
        embeddings: `[candidates, units]`.
        ids: `[candidates]` int, of the same type as `Pairs.ids`.
        limit: int32 scalar; only the first `limit` of them are drawn.
        held: `[candidates]` int32, ascending, which ones `embeddings` and `ids` are of: at least
            those that `DotProductLoss.draw` draws. None = all, in their order.
    """

    embeddings: tf.Tensor
    ids: tf.Tensor
    limit: tf.Tensor
    held: tf.Tensor | None = None

    def places(self, numbers: tf.Tensor) -> tf.Tensor:
        """Where the candidates with these numbers stand in `embeddings`."""
        if self.held is None:
            return numbers
        found = tf.searchsorted(self.held, tf.reshape(numbers, [-1]))
        return tf.reshape(found, tf.shape(numbers))


class Rows(NamedTuple):
    """This replica's rows among all: int32 scalars.

    Attributes:
        first: The place of the first one.
        count: How many are here.
        of_all: How many there are.
    """

    first: tf.Tensor
    count: tf.Tensor
    of_all: tf.Tensor


class Similarities(NamedTuple):
    """Of pairs `[rows]` and with negatives `[rows, negatives]`: i = input, l = label."""

    positive: tf.Tensor
    il: tf.Tensor
    li: tf.Tensor
    ii: tf.Tensor
    ll: tf.Tensor


def _same_each_time() -> Noise:
    return Noise(seed=0, step=tf.zeros([], tf.int64))


def similarity(first: tf.Tensor, second: tf.Tensor, kind: str) -> tf.Tensor:
    """The dot product ("inner") or "cosine" along the last axis, broadcast, in float32."""
    first, second = tf.cast(first, tf.float32), tf.cast(second, tf.float32)
    if kind == "cosine":
        first, second = tf.math.l2_normalize(first, -1), tf.math.l2_normalize(second, -1)
    return tf.reduce_sum(first * second, -1)


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class DotProductLoss(keras.layers.Layer):
    """Rasa's `SingleLabelDotProductLoss` (StarSpace, arXiv:1709.03856), in float32.

    For each row, labels and inputs are drawn, with replacement, from the whole global batch. A draw
    that carries the row's own label is no negative: 1e9 is taken off its similarity, which removes
    it from the softmax; in the mean of the sigmoid losses it stays in the denominator, as in Rasa.

    Args:
        num_negatives: Labels and inputs drawn per row.
        loss_type: "cross_entropy" or "margin".
        similarity_type: "inner" or "cosine".
        constrain_similarities: With cross-entropy, add the mean sigmoid loss of all similarities,
            so that these get an absolute meaning.
        scale_loss: With cross-entropy, see `scale_easy_examples`.
        max_positive, max_negative, use_max_negative, negative_margin_scale: Constants of the
            margin loss: what similarities should reach, what they should stay below, whether
            only the most similar wrong label counts, and the weight of the other three parts.

    Call: `Pairs`, `Candidates` for labels and for inputs -> the loss and the accuracy among the
    drawn labels, as `LossTerm`s. Without `noise` the draws are the same at every call.
    """

    def __init__(
        self,
        *,
        num_negatives: int = 20,
        loss_type: str = "cross_entropy",
        similarity_type: str = "inner",
        constrain_similarities: bool = False,
        scale_loss: bool = False,
        max_positive: float = 0.8,
        max_negative: float = -0.4,
        use_max_negative: bool = True,
        negative_margin_scale: float = 0.8,
        **kwargs: Any,
    ):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if loss_type not in ("cross_entropy", "margin"):
            raise ValueError(
                f'`loss_type` must be "cross_entropy" or "margin". Received: {loss_type!r}'
            )
        if similarity_type not in ("inner", "cosine"):
            raise ValueError(
                f'`similarity_type` must be "inner" or "cosine". Received: {similarity_type!r}'
            )
        self.num_negatives = num_negatives
        self.loss_type = loss_type
        self.similarity_type = similarity_type
        self.constrain_similarities = constrain_similarities
        self.scale_loss = scale_loss
        self.max_positive = max_positive
        self.max_negative = max_negative
        self.use_max_negative = use_max_negative
        self.negative_margin_scale = negative_margin_scale

    def build(self, input_shape: object = None) -> None:
        """There are no weights."""

    def call(
        self,
        pairs: Pairs,
        labels: Candidates,
        inputs: Candidates,
        noise: Noise | None = None,
        replicas: Replicas = ONE_REPLICA,
    ) -> tuple[LossTerm, LossTerm]:
        noise = noise or _same_each_time()
        similarities = self._similarities(pairs, labels, inputs, noise)
        if self.loss_type == "margin":
            losses = self._margin(similarities)
        else:
            losses = self._cross_entropy(similarities)
            if self.scale_loss:
                losses = scale_easy_examples(losses, pairs.weights, replicas)
        right = similarities.positive >= tf.reduce_max(similarities.il, -1)
        accuracy = LossTerm.of_rows(tf.cast(right, tf.float32), pairs.weights)
        return LossTerm.of_rows(losses, pairs.weights), accuracy

    def _similarities(
        self, pairs: Pairs, labels: Candidates, inputs: Candidates, noise: Noise
    ) -> Similarities:
        wrong_labels, no_label = self._negatives("labels", labels, pairs, noise)
        other_inputs, no_input = self._negatives("inputs", inputs, pairs, noise)
        kind = self.similarity_type
        given, label = pairs.inputs[:, None], pairs.labels[:, None]
        return Similarities(
            positive=similarity(pairs.inputs, pairs.labels, kind),
            il=similarity(given, wrong_labels, kind) + no_label,
            li=similarity(label, other_inputs, kind) + no_input,
            ii=similarity(given, other_inputs, kind) + no_input,
            ll=similarity(label, wrong_labels, kind) + no_label,
        )

    def _negatives(
        self, what: str, candidates: Candidates, pairs: Pairs, noise: Noise
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Negatives `[rows, negatives, units]`, and -1e9 where one is not negative."""
        rows = Rows(pairs.first, tf.shape(pairs.ids)[0], pairs.count)
        drawn = candidates.places(self.draw(what, candidates.limit, rows, noise))
        same = tf.gather(candidates.ids, drawn) == pairs.ids[:, None]
        return tf.gather(candidates.embeddings, drawn), tf.where(same, -1e9, 0.0)

    def draw(self, what: str, limit: tf.Tensor, rows: Rows, noise: Noise | None) -> tf.Tensor:
        """`[rows, negatives]` int32: the numbers of the candidates that a call draws for `rows`.

        Args:
            what: "labels" or "inputs".
            limit: See `Candidates`.
        """
        # Drawn for the global batch and cut: the draws do not depend on who holds a row.
        noise = noise or _same_each_time()
        shape = tf.stack([rows.of_all, self.num_negatives])
        limit = tf.maximum(limit, 1)
        drawn = noise.indices(f"{self.path}/{what}", shape, limit, shared=True)
        return drawn[rows.first : rows.first + rows.count]

    def _cross_entropy(self, similarities: Similarities) -> tf.Tensor:
        positive, il, li, ii, ll = similarities
        positive = positive[:, None]
        softmax_of = (
            [positive, il, li] if self.constrain_similarities else [positive, il, li, ii, ll]
        )
        # Subtracted before the logsumexp: the loss of a learnt example is much smaller than the
        # similarities, and would drown in their rounding.
        losses = tf.reduce_logsumexp(tf.concat(softmax_of, -1) - positive, -1)
        if self.constrain_similarities:
            logits = tf.concat([positive, il, li, ii, ll], -1)
            targets = tf.concat([tf.ones_like(positive), tf.zeros_like(logits[:, 1:])], -1)
            losses += tf.reduce_mean(
                tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits), -1
            )
        return losses

    def _margin(self, similarities: Similarities) -> tf.Tensor:
        positive, il, li, ii, ll = similarities
        losses = tf.nn.relu(self.max_positive - positive)
        if self.use_max_negative:
            losses += tf.nn.relu(self.max_negative + tf.reduce_max(il, -1))
        else:
            losses += tf.reduce_sum(tf.nn.relu(self.max_negative + il), -1)
        for others in (ll, ii, li):
            excess = tf.nn.relu(self.max_negative + tf.reduce_max(others, -1))
            losses += self.negative_margin_scale * excess
        return losses

    def get_config(self) -> dict:
        names = (
            "num_negatives loss_type similarity_type constrain_similarities scale_loss "
            "max_positive max_negative use_max_negative negative_margin_scale"
        ).split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

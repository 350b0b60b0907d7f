"""The one normalisation rule: a loss is a sum and a weight, and only the step divides them."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from model.replicas import Replicas


class LossTerm(NamedTuple):
    """A loss summed over this replica's share of the batch, and what it must be divided by.

    The step sums `total` and `weight` over all replicas and divides once, so that a mean over a
    shard is never taken. Both are float32 scalars. A term whose global weight is 0 counts as 0.
    """

    total: tf.Tensor
    weight: tf.Tensor

    @classmethod
    def of_rows(cls, values: tf.Tensor, weights: tf.Tensor) -> LossTerm:
        """The term of rows with `values` and `weights` (both `[rows]` float32)."""
        return cls(tf.reduce_sum(values * weights), tf.reduce_sum(weights))


class Terms(NamedTuple):
    """What a model makes of one batch: the losses to be summed, and figures to be shown."""

    losses: dict[str, LossTerm]
    metrics: dict[str, LossTerm]


def scale_easy_examples(losses: tf.Tensor, weights: tf.Tensor, replicas: Replicas) -> tf.Tensor:
    """Multiply each loss by `((1 - p) / 0.5) ** 4`, `p = exp(-loss)`: learnt examples count less.

    Only done once some example of the *global* batch has `p > 0.5`; rows of weight 0 have no say.
    Focal loss (arXiv:1708.02002) as in `rasa.utils.tensorflow.layers`: `_scale_loss`.

    Args:
        losses: `[rows]` float32.
        weights: `[rows]` float32.
    """
    likelihoods = tf.stop_gradient(tf.exp(-losses))
    easiest = tf.reduce_max(tf.where(weights > 0, likelihoods, 0.0))
    scale = tf.where(replicas.all_reduce_max(easiest) > 0.5, ((1 - likelihoods) / 0.5) ** 4, 1.0)
    return losses * tf.stop_gradient(scale)

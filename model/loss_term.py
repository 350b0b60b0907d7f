"""The one normalisation rule: a loss is a sum and a weight, and only the step divides them."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class LossTerm(NamedTuple):
    """A loss summed over this replica's share of the batch, and what it must be divided by.

    The step sums `total` and `weight` over all replicas and divides once, so that a mean over a
    shard is never taken. Both are float32 scalars. A term whose global weight is 0 counts as 0.
    """

    total: tf.Tensor
    weight: tf.Tensor

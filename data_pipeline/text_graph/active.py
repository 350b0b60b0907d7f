"""The features that are set: pairs of row and column, as featurizers of the graph give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from data_pipeline.text_graph.strings.trie import UNKNOWN


class Active(NamedTuple):
    """Features of some rows (tokens or texts); a pair that is there twice counts 2.

    Attributes:
        rows: `[features]` int64.
        columns: `[features]` int64, within the featurizer's own.
    """

    rows: tf.Tensor
    columns: tf.Tensor

    @classmethod
    def known(cls, rows: tf.Tensor, columns: tf.Tensor) -> Active:
        """Those whose column is not `UNKNOWN`, of `[n]` rows and `[n]` or `[k, n]` columns."""
        places = tf.where(tf.not_equal(columns, UNKNOWN))
        return cls(tf.gather(rows, places[:, -1]), tf.gather_nd(columns, places))

    @classmethod
    def none(cls) -> Active:
        """No features."""
        return cls(tf.zeros([0], tf.int64), tf.zeros([0], tf.int64))


class TextActive(NamedTuple):
    """What a featurizer finds: features of the tokens and of the whole texts."""

    tokens: Active
    texts: Active


def counted(parts: Sequence[Active], starts: Sequence[int]) -> tuple[tf.Tensor, tf.Tensor]:
    """The features of several featurizers as sorted coordinates and how often each is there.

    Args:
        parts: one per featurizer.
        starts: where each featurizer's columns begin, and at the end how many there are.

    Returns:
        `[values, 2]` int64 (row, column) and `[values]` float32.
    """
    width = int(starts[-1])
    keys = [p.rows * width + p.columns + int(s) for p, s in zip(parts, starts, strict=False)]
    if not width:
        return tf.zeros([0, 2], tf.int64), tf.zeros([0], tf.float32)
    key, _, count = tf.unique_with_counts(tf.sort(tf.concat(keys, 0)))
    return tf.stack([key // width, key % width], axis=1), tf.cast(count, tf.float32)

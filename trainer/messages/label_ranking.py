"""Labels by how likely they are, in the graph: what `ranked_labels` does in Python."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from model.options.shared import SharedOptions


class RankLabels(tf.Module):
    """Ranks the labels of texts, as many as `ranking_length`; of equals the later one first.

    Args:
        kind: what a label is: `intent` or `response`.
        names: of the labels.
        options: of the model.

    Call: `[texts, labels]` float32, and `[texts]` bool: whether a text has words -> by name:

    * `…_counts` `[texts]` int32: how many are ranked, 0 for a text without words;
    * `…_names` `[texts, ranked]` string and `…_confidences` `[texts, ranked]` float32, the most
      likely first.
    """

    def __init__(self, kind: str, names: Sequence[str], options: SharedOptions) -> None:
        super().__init__()
        self._kind = kind
        self._names = tf.constant([*names, ""], tf.string)
        self._labels = len(names)
        self._length = min(options.ranking_length or len(names), len(names))
        self._renormalizes = options.renormalize_confidences

    def __call__(self, confidences: tf.Tensor, has_words: tf.Tensor) -> dict[str, tf.Tensor]:
        kept, places = tf.math.top_k(tf.reverse(confidences, [1]), self._length)
        if self._renormalizes and self._length < self._labels:
            total = tf.reduce_sum(kept, 1, keepdims=True)
            kept = tf.where(total > 0, kept / total, kept)
        places = tf.where(has_words[:, None], self._labels - 1 - places, self._labels)
        return {
            f"{self._kind}_counts": tf.where(has_words, self._length, 0),
            f"{self._kind}_names": tf.gather(self._names, places),
            f"{self._kind}_confidences": tf.where(has_words[:, None], kept, 0.0),
        }

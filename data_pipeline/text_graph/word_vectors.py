"""The WordVectorsFeaturizer in the graph: vectors looked up by token, pooled over a text."""

from __future__ import annotations

import tensorflow as tf

from data_pipeline.featurizers.dense.word_vectors import WordVectorsFeaturizer
from data_pipeline.text_graph.strings.lines import any_in
from data_pipeline.text_graph.strings.rewriting import LowerCase
from data_pipeline.text_graph.strings.trie import UNKNOWN, StringNumbers
from data_pipeline.text_graph.tokens import Tokens


class WordVectors(tf.Module):
    """The vectors are a variable, so that they lie with the weights and not in the graph.

    Call: `Tokens` -> `[tokens, width]` float32, zeros for unknown ones, and `[texts, width]`
    float32, pooled as `dense_features.pool` does.
    """

    def __init__(self, featurizer: WordVectorsFeaturizer, lower: LowerCase) -> None:
        super().__init__()
        arrays = featurizer.arrays()
        words = arrays["words"].tobytes().decode().split("\n")
        self._numbers = StringNumbers({word: number for number, word in enumerate(words)})
        self._vectors = tf.Variable(arrays["vectors"], trainable=False, name="word_vectors")
        self._lower = lower if featurizer.options()["lowercase"] else None
        self._pooling = featurizer.pooling

    def __call__(self, tokens: Tokens) -> tuple[tf.Tensor, tf.Tensor]:
        numbers = self._numbers(tokens.words)
        if self._lower is not None:
            lower = self._numbers(self._lower(tokens.words))
            numbers = tf.where(tf.equal(numbers, UNKNOWN), lower, numbers)
        known = tf.not_equal(numbers, UNKNOWN)[:, None]
        vectors = tf.where(known, tf.gather(self._vectors, tf.maximum(numbers, 0)), 0.0)
        return vectors, self._pooled(vectors, tokens)

    def _pooled(self, vectors: tf.Tensor, tokens: Tokens) -> tf.Tensor:
        texts, count = tokens.spans.rows, tokens.texts.count
        counts = tf.reduce_any(
            tf.not_equal(vectors, 0), 1
        )  # a known word of zeros is as good as unknown
        if self._pooling == "mean":
            divisors = tf.math.unsorted_segment_sum(tf.cast(counts, tf.float32), texts, count)
            sums = tf.math.unsorted_segment_sum(vectors, texts, count)
            return sums / tf.maximum(divisors, 1.0)[:, None]
        candidates = tf.where(counts[:, None], vectors, vectors.dtype.min)
        highest = tf.math.unsorted_segment_max(candidates, texts, count)
        return tf.where(any_in(counts, texts, count)[:, None], highest, 0.0)

"""Predicted BILOU tags made consistent (`make_bilou_consistent`), those of all texts at once."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from data_pipeline.entities.bilou import BEGIN, INSIDE, LAST, PREFIXES, UNIT
from data_pipeline.text_graph.strings.lines import true_places

_BEGIN, _INSIDE, _LAST, _UNIT = map(PREFIXES.index, (BEGIN, INSIDE, LAST, UNIT))
"""A tag's id is 1 + 4 · name + one of these (`TagVocabulary`)."""


class Tags(NamedTuple):
    """The tags of one head.

    Attributes:
        ids: `[tokens]` int32, 0 = outside.
        confidences: `[tokens]` float64, which is what Python reckons with.
    """

    ids: tf.Tensor
    confidences: tf.Tensor


class _Spans(NamedTuple):
    """Stretches of tokens that begin with a `B-`.

    Attributes:
        of_token: `[tokens]` int32, the span each token is in, -1 = none.
        count: how many there are.
    """

    of_token: tf.Tensor
    count: tf.Tensor


def consistent(tags: Tags, rows: tf.Tensor, num_names: int) -> Tags:
    """Closes every `B-` and gives its span one tag.

    A span goes from a `B-` over `I-` to the first `L-`: where it ends does not depend on others.

    Args:
        tags: as predicted.
        rows: `[tokens]` int64, the text of each token, ascending.
        num_names: how many names have tags.
    """
    spans = _spans(tags.ids, rows)
    names = (tags.ids - 1) // 4
    # Numbers of other tokens than those of spans do not matter below.
    of_token = tf.maximum(spans.of_token, 0)
    places = tf.range(tf.size(rows))
    first = tf.math.unsorted_segment_min(places, spans.of_token, spans.count)
    last = tf.math.unsorted_segment_max(places, spans.of_token, spans.count)
    chosen, score = _chosen(spans, names, tags.confidences, tf.gather(names, first), num_names)
    is_first = tf.equal(places, _of(first, of_token))
    is_last = tf.equal(places, _of(last, of_token))
    prefix = tf.where(is_first, tf.where(is_last, _UNIT, _BEGIN), tf.where(is_last, _LAST, _INSIDE))
    in_span = spans.of_token >= 0
    name = _of(chosen, of_token)
    changed = in_span & tf.not_equal(name, names)
    return Tags(
        tf.where(in_span, 1 + 4 * name + prefix, tags.ids),
        tf.where(changed, rounded(_of(score, of_token)), tags.confidences),
    )


def _of(values: tf.Tensor, spans: tf.Tensor) -> tf.Tensor:
    """The spans' values; there is one for tokens without a span, even if there are no spans."""
    return tf.gather(tf.concat([values, tf.zeros([1], values.dtype)], 0), spans)


def _spans(ids: tf.Tensor, rows: tf.Tensor) -> _Spans:
    prefixes = tf.where(ids > 0, (ids - 1) % 4, -1)
    begins, inside = tf.equal(prefixes, _BEGIN), tf.equal(prefixes, _INSIDE)
    # The token before the `I-` before each token; the place -1 begins no span.
    outside = tf.concat([[-1], tf.cast(true_places(~inside), tf.int32)], 0)
    before = tf.gather(outside, tf.cumsum(tf.cast(~inside, tf.int32), exclusive=True))
    at = tf.maximum(before, 0)
    follows = (before >= 0) & tf.gather(begins, at) & tf.equal(tf.gather(rows, at), rows)
    in_span = begins | (follows & (inside | tf.equal(prefixes, _LAST)))
    number = tf.cumsum(tf.cast(begins, tf.int32))
    return _Spans(tf.where(in_span, number - 1, -1), tf.reduce_sum(tf.cast(begins, tf.int32)))


def _chosen(
    spans: _Spans, names: tf.Tensor, confidences: tf.Tensor, first: tf.Tensor, num_names: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """`[spans]` int32 and float64: the name of each span and its score (`bilou._best_tag`).

    `first` is each span's first name. It is also the one with the best score where there is but
    one; among equally good ones that which comes first in the span is taken.
    """
    cells = tf.where(spans.of_token >= 0, spans.of_token * num_names + names, -1)
    size, shape = spans.count * num_names, [spans.count, num_names]
    ones = tf.ones_like(confidences)
    count = tf.reshape(tf.math.unsorted_segment_sum(ones, cells, size), shape)
    total = tf.reshape(tf.math.unsorted_segment_sum(confidences, cells, size), shape)
    places = tf.range(tf.size(names))
    place = tf.reshape(tf.math.unsorted_segment_min(places, cells, size), shape)
    quotients = [[total, count], [count, tf.reduce_sum(count, 1, keepdims=True)]]
    mean, share = tf.unstack(rounded(tf.stack([tf.math.divide_no_nan(*q) for q in quotients])))
    score = tf.math.divide_no_nan(2.0 * mean * share, mean + share)
    score = tf.where(count > 0, score, -1.0)
    best = tf.reduce_max(score, 1, keepdims=True)
    place = tf.where(tf.equal(score, best), place, places.dtype.max)
    return tf.argmin(place, 1, tf.int32), best[:, 0]


def rounded(numbers: tf.Tensor) -> tf.Tensor:
    """Python's `round(number, 2)` of float64 numbers, to the last bit.

    100 times a number is not exact, so what it is short of is reckoned with as well (T. J. Dekker,
    1971): it decides where the product seems to end in exactly 5 tenths.
    """
    scaled = 134217729.0 * numbers
    upper = scaled - (scaled - numbers)
    high, low = 100.0 * upper, 100.0 * (numbers - upper)
    product = high + low
    rest = low - (product - high)
    nearest = tf.round(product)  # to even
    down = tf.floor(product)
    is_half = tf.equal(product - down, 0.5)
    nearest = tf.where(is_half & (rest > 0), down + 1, nearest)
    nearest = tf.where(is_half & (rest < 0), down, nearest)
    return nearest / 100.0

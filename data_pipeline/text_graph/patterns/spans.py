"""Matches of several patterns in texts: which of them stand, and what they touch."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from data_pipeline.text_graph.strings.lines import Runs, true_places


class Spans(NamedTuple):
    """Matches, ordered by pattern and place.

    Attributes:
        patterns: `[matches]` int64, the number of the pattern.
        starts, ends: `[matches]` int64, the first slot of the texts and one behind the last.
    """

    patterns: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor


def without_overlaps(found: Spans, slots: tf.Tensor) -> Spans:
    """The matches that stand if each pattern's are taken from left to right (`re.finditer`).

    Args:
        found: at most one match of a pattern begins at a place; none is empty.
        slots: how many there are, int64.
    """
    line = _on_one_line(found, slots)
    following = tf.searchsorted(line.starts, line.ends, side="left", out_type=tf.int64)
    standing = true_places(_reached(following))
    return Spans(*(tf.gather(part, standing) for part in found))


def touched(spans: Spans, num_patterns: int, runs: Runs, slots: tf.Tensor) -> tf.Tensor:
    """`[patterns, runs]` bool: whether a match of the pattern overlaps a run.

    Args:
        spans: matches that do not overlap.
        runs: tokens.
        slots: how many there are, int64.
    """
    line = _on_one_line(spans, slots)
    firsts = tf.range(num_patterns, dtype=tf.int64)[:, None] * slots
    begun = tf.searchsorted(line.starts, tf.reshape(firsts + runs.ends, [-1]), side="left")
    ended = tf.searchsorted(line.ends, tf.reshape(firsts + runs.starts, [-1]), side="right")
    return tf.reshape(begun > ended, [num_patterns, -1])


def _on_one_line(spans: Spans, slots: tf.Tensor) -> Spans:
    """Places counted on from pattern to pattern."""
    offsets = spans.patterns * slots
    return Spans(spans.patterns, spans.starts + offsets, spans.ends + offsets)


def _reached(following: tf.Tensor) -> tf.Tensor:
    """`[n]` bool: which of n are reached from the first, each leading on to a later one (or n).

    Every round doubles how far is jumped, so there are about log2(n) rounds; none, if each leads on
    to the next, as most often. (No `tf.cond` for that: in an exported model, whose operations
    follow each other in one thread, its branches wait for another one.)
    """
    count = tf.size(following, tf.int64)
    in_turn = tf.reduce_all(following == tf.range(count) + 1)
    jumps = tf.concat([tf.where(in_turn, count, following), [count]], 0)
    others = tf.fill([count], tf.cast(in_turn, tf.int32))
    reached = tf.concat([[1], others], 0)

    def goes_on(jumps: tf.Tensor, reached: tf.Tensor) -> tf.Tensor:
        return tf.reduce_any(jumps[:-1] < count)

    def double(jumps: tf.Tensor, reached: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        further = tf.math.unsorted_segment_max(reached, jumps, count + 1)
        return tf.gather(jumps, jumps), tf.maximum(reached, further)

    jumps, reached = tf.while_loop(goes_on, double, [jumps, reached])
    # After the last round all jumps lead to the end, so what they reach is known.
    return reached[:-1] > 0

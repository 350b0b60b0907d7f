"""Lines of characters laid end to end, so that all texts of a batch are worked on at once.

A *line* is a text or a word. Each line's characters are followed by `END`, which is no character:
so a look at a neighbour never reaches into another line, and no loop over lines is needed. What is
before the first line is the last one's `END`, as `tf.roll` has it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

END = 0xD800
"""A surrogate, which no text contains."""


class Lines(NamedTuple):
    """Lines of code points.

    Attributes:
        codes: `[slots]` int32, the code points, and `END` behind each line.
        rows: `[slots]` int64, the line's number.
        count: how many lines there are; a scalar, int64.
    """

    codes: tf.Tensor
    rows: tf.Tensor
    count: tf.Tensor

    @classmethod
    def of(cls, codes: tf.Tensor, count: tf.Tensor) -> Lines:
        """The `count` lines that make up `codes`."""
        ends = tf.cast(tf.equal(codes, END), tf.int64)
        return cls(codes, tf.cumsum(ends, exclusive=True), count)

    @classmethod
    def decoded(cls, texts: tf.Tensor) -> Lines:
        """Texts, `[lines]` string in UTF-8. Each malformed part of them becomes U+FFFD."""
        given = tf.strings.join([texts, "\n"])  # a slot for END
        decoded = tf.raw_ops.UnicodeDecode(input=given, input_encoding="UTF-8", errors="replace")
        return cls.of(_ended(decoded.char_values, decoded.row_splits), tf.size(texts, tf.int64))

    @classmethod
    def at(cls, starts: tf.Tensor, ends: tf.Tensor, lines: Lines) -> Lines:
        """`lines.codes[start:end]` of every pair (`[lines]` int64), as a line each."""
        places = tf.raw_ops.RaggedRange(starts=starts, limits=ends + 1, deltas=ONE)
        codes = tf.gather(lines.codes, places.rt_dense_values)
        return cls.of(_ended(codes, places.rt_nested_splits), tf.size(starts, tf.int64))

    def is_end(self) -> tf.Tensor:
        """`[slots]` bool: whether it is no character."""
        return tf.equal(self.codes, END)

    def ends(self) -> tf.Tensor:
        """`[lines]` int64: the slot of each line's `END`."""
        return true_places(self.is_end())

    def starts(self) -> tf.Tensor:
        """`[lines]` int64: the slot of each line's first character, or `END`."""
        return tf.concat([[ZERO], self.ends() + 1], 0)[:-1]

    def strings(self) -> tf.Tensor:
        """`[lines]` string, in UTF-8."""
        ends = self.ends()
        splits = tf.concat([[ZERO], ends - tf.range(self.count)], 0)
        codes = tf.gather(self.codes, true_places(~self.is_end()))
        return tf.raw_ops.UnicodeEncode(
            input_values=codes, input_splits=splits, output_encoding="UTF-8"
        )


# Not tensors: making one sets TensorFlow's devices up, which an import must not.
ZERO, ONE = np.int64(0), np.int64(1)


def _ended(codes: tf.Tensor, splits: tf.Tensor) -> tf.Tensor:
    """Puts `END` in the last slot of each line."""
    last = splits[1:] - 1
    return tf.tensor_scatter_nd_update(codes, last[:, None], tf.fill(tf.shape(last), END))


def true_places(flags: tf.Tensor) -> tf.Tensor:
    """`[...]` int64: where the flags (`[n]` bool) hold."""
    return tf.reshape(tf.where(flags), [-1])


class Runs(NamedTuple):
    """Stretches of neighbouring slots.

    Attributes:
        rows: `[runs]` int64, the line each lies in.
        starts, ends: `[runs]` int64, the first slot and one behind the last.
    """

    rows: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor


def runs_of(members: tf.Tensor, lines: Lines) -> Runs:
    """The longest stretches of members (`[slots]` bool; `END` must be none)."""
    starts = true_places(members & ~tf.roll(members, 1, 0))
    ends = true_places(members & ~tf.roll(members, -1, 0)) + 1
    return Runs(tf.gather(lines.rows, starts), starts, ends)


def nearest_before(stops: tf.Tensor) -> tf.Tensor:
    """`[slots]` int64: the last stop (`[slots]` bool; every `END` must be one) before each slot."""
    places = true_places(stops)
    return tf.gather(tf.roll(places, 1, 0), tf.cumsum(tf.cast(stops, tf.int32), exclusive=True))


def nearest_after(stops: tf.Tensor) -> tf.Tensor:
    """`[slots]` int64: the first stop (as above) behind each slot but the last."""
    places = true_places(stops)
    number = tf.minimum(tf.cumsum(tf.cast(stops, tf.int32)), tf.size(places) - 1)
    return tf.gather(places, number)


def any_in(flags: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """`[count, ...]` bool: whether a flag (`[items, ...]` bool) of the row's items is set."""
    return tf.math.unsorted_segment_max(tf.cast(flags, tf.int32), rows, count) > 0

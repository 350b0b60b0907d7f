"""Looks up many sequences of numbers at once: n-grams of characters, of words, of segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from data_pipeline.text_graph.strings.lines import Lines

UNKNOWN = -1
SYMBOL_BITS = 32


class Trie(tf.Module):
    """A tree of the sequences that are known: each step is one look-up by (node, symbol).

    Unlike a table of strings it needs no string to be made per n-gram, and all n-grams that begin
    at a place share their steps.

    Args:
        numbers: sequences of symbols (0 to 2^31 - 1) -> numbers (at least 0).

    Attributes:
        depth: the longest sequence's length.

    Call: all symbols laid end to end, `[symbols]` int64, `UNKNOWN` or another symbol of no sequence
    behind the last of each row -> `[depth, symbols]` int64: the number of the sequence of 1, 2, ...
    symbols that begins at each place, `UNKNOWN` where there is none.

    >>> trie = Trie({(7,): 0, (7, 8): 1})
    >>> trie(tf.constant([7, 8, UNKNOWN], tf.int64)).numpy().tolist()
    [[0, -1, -1], [1, -1, -1]]
    """

    def __init__(self, numbers: Mapping[tuple[int, ...], int]) -> None:
        super().__init__()
        self.depth = max(map(len, numbers), default=0)
        nodes: dict[int, int] = {}
        number_of = [UNKNOWN, UNKNOWN]  # of the node UNKNOWN, of the root
        for sequence, number in numbers.items():
            node = 0
            for symbol in sequence:
                node = nodes.setdefault((node << SYMBOL_BITS) + symbol, len(nodes) + 1)
                if node + 1 == len(number_of):
                    number_of.append(UNKNOWN)
            number_of[node + 1] = number
        self._nodes = _table(
            np.fromiter(nodes.keys(), np.int64, len(nodes)) if nodes else np.array([UNKNOWN]),
            np.fromiter(nodes.values(), np.int64, len(nodes)) if nodes else np.array([UNKNOWN]),
        )
        self._numbers = tf.constant(number_of, tf.int64)

    def __call__(self, symbols: tf.Tensor) -> tf.Tensor:
        nodes = [tf.zeros_like(symbols)]
        for step in range(self.depth):
            nodes.append(self._children(nodes[-1], tf.roll(symbols, -step, 0)))
        return tf.gather(self._numbers, tf.stack(nodes)[1:] + 1)

    def find(self, symbols: tf.Tensor, starts: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """`[sequences]` int64: the numbers of the sequences of such lengths (`[sequences]` int64).

        As in a call, but for `starts`, `[sequences]` int64: the places where they begin.
        """
        node = tf.zeros_like(starts)
        for step in range(self.depth):
            child = self._children(
                node, tf.gather(symbols, tf.where(step < lengths, starts + step, 0))
            )
            node = tf.where(step < lengths, child, node)
        return tf.gather(self._numbers, tf.where(lengths <= self.depth, node, UNKNOWN) + 1)

    def _children(self, nodes: tf.Tensor, symbols: tf.Tensor) -> tf.Tensor:
        # An unknown node, or symbol, gives a key that no known pair has: all of theirs begin with
        # a 0 in both halves.
        return self._nodes.lookup(tf.bitwise.left_shift(nodes, SYMBOL_BITS) + symbols)


class StringNumbers(tf.Module):
    """Numbers of strings; `UNKNOWN` for all others. Call: `Lines` -> `[lines]` int64."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        super().__init__()
        numbers = numbers or {"": UNKNOWN}
        self._table = _table(
            tf.constant([*numbers], tf.string), tf.constant([*numbers.values()], tf.int64)
        )

    def __call__(self, lines: Lines) -> tf.Tensor:
        return self.of_strings(lines.strings())

    def of_strings(self, strings: tf.Tensor) -> tf.Tensor:
        """The same of strings: int64, of the same shape."""
        return self._table.lookup(strings)


def _table(keys: Any, numbers: Any) -> tf.lookup.StaticHashTable:
    """Keys -> numbers (int64), `UNKNOWN` for others; TensorFlow wants at least one key."""
    initializer = tf.lookup.KeyValueTensorInitializer(keys, numbers)
    return tf.lookup.StaticHashTable(initializer, default_value=UNKNOWN)

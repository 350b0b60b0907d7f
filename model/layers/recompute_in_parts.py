"""Memory for time: rows of many examples go through a layer in parts, one part after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from model.layers.packing import Packing

Encode = Callable[[tf.Tensor, Packing, int], tf.Tensor]


def encode_in_parts(encode: Encode, rows: tf.Tensor, packing: Packing, count: int) -> tf.Tensor:
    """What `encode(rows, packing, 0)` computes, with the memory of a `count`-th of the examples.

    Each part's activations are forgotten once its rows are known, and computed anew when their
    gradient is due (Chen et al. 2016, arXiv:1604.06174); the gradients of weights are added up over
    the parts. Losses on the result thus see all examples, as if there were no parts.

    Args:
        encode: takes packed rows, their `Packing` and the number of the part, treats every example
            on its own, and returns rows in their order, however many of each (0 of no examples);
            called twice, it must return the same.
        rows: `[packed, inputs]`.
        count: how many parts of equally many examples; some may be empty.

    Returns:
        What is returned for all parts, end to end.
    """
    parts = [_Part(packing, number, count) for number in range(count)]

    @tf.custom_gradient
    def run(rows: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        outputs: list[tf.Tensor] = []
        for part in parts:
            with tf.control_dependencies(outputs[-1:]):
                outputs.append(part.encode(encode, rows))
        sizes = [tf.shape(output)[0] for output in outputs]

        def gradient(upstream: tf.Tensor, variables: Sequence[tf.Variable] = ()) -> Any:
            of_rows: list[tf.Tensor] = []
            of_variables: list[list[tf.Tensor]] = []
            done = [upstream]
            of_outputs = tf.split(upstream, tf.stack(sizes), num=count)
            for part, of_output in zip(reversed(parts), reversed(of_outputs), strict=True):
                with tf.control_dependencies(done):
                    done = part.gradients(encode, rows, of_output, variables)
                of_rows.insert(0, done[0])
                of_variables.append(done[1:])
            sums = [tf.add_n(each) for each in zip(*of_variables, strict=True)]
            return (tf.concat(of_rows, 0), sums) if variables else tf.concat(of_rows, 0)

        return tf.concat(outputs, 0), gradient

    return run(rows)


class _Part:
    """The `number`-th of `count` equal shares of the examples."""

    def __init__(self, packing: Packing, number: int, count: int):
        self._number = number
        share = -(-tf.shape(packing.lengths)[0] // count)
        before, own = packing.lengths[: number * share], packing.lengths[number * share :][:share]
        self._first = tf.reduce_sum(before)
        self._end = self._first + tf.reduce_sum(own)
        self._packing = Packing.of_lengths(own, packing.time)

    def encode(self, encode: Encode, rows: tf.Tensor) -> tf.Tensor:
        return encode(self._cut(rows), self._packing, self._number)

    def gradients(
        self,
        encode: Encode,
        rows: tf.Tensor,
        of_output: tf.Tensor,
        variables: Sequence[tf.Variable],
    ) -> list[tf.Tensor]:
        """Those of this part's rows and of all `variables`; the part is encoded once more."""
        own = self._cut(rows)
        with tf.GradientTape() as tape:
            tape.watch([own, *variables])
            output = encode(own, self._packing, self._number)
        return tape.gradient(
            output,
            [own, *variables],
            of_output,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )

    def _cut(self, rows: tf.Tensor) -> tf.Tensor:
        return rows[self._first : self._end]

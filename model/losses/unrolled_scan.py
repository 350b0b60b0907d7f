"""A recursion along time whose loop takes several steps in each round."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

STEPS = 8
"""Steps per round. The round of a loop costs as much as some twenty small operations."""


def unrolled_scan(
    step: Callable[..., tf.Tensor],
    initial: tf.Tensor,
    items: tuple[tf.Tensor, ...],
    *,
    counts: tf.Tensor | None = None,
    reverse: bool = False,
    steps: int = STEPS,
) -> tf.Tensor:
    """What `tf.scan` gives: the state after every step. It has no gradient.

    Args:
        step: of the state and of one item each -> the next state, of the same shape and type.
        initial: the state before the first step, `[batch, ...]`.
        items: `[time, batch, ...]` each.
        counts: `[time]` int32, none larger than the one before it: so many of the first rows take
            part in each step, the others need not. What these come to means nothing.
        reverse: whether the last item comes first; the states are in the items' order.
        steps: per round. The last round takes all of them, however few items are left.

    Returns:
        `[time, batch, ...]`

    >>> add = lambda state, item: state + item
    >>> ones = tf.ones([3, 1], tf.int32)
    >>> unrolled_scan(add, tf.constant([0]), (ones,))[:, 0].numpy().tolist()
    [1, 2, 3]
    >>> unrolled_scan(add, tf.constant([0]), (ones,), reverse=True)[:, 0].numpy().tolist()
    [3, 2, 1]
    """
    time, batch = tf.unstack(tf.shape(items[0])[:2])
    rounds = (time + steps - 1) // steps
    in_rounds = [_in_rounds(item, rounds, steps, reverse) for item in items]
    states = tf.TensorArray(initial.dtype, rounds, element_shape=[steps, *initial.shape])

    def one_round(number: tf.Tensor, state: tf.Tensor, states: tf.TensorArray) -> tuple:
        of_round = [item[number] for item in in_rounds]
        if counts is not None:
            count = counts[number * steps]
            state, of_round = state[:count], [item[:, :count] for item in of_round]
        found = []
        for of_step in zip(*(tf.unstack(item) for item in of_round), strict=True):
            state = step(state, *of_step)
            found.append(state)
        every = tf.stack(found)
        if counts is not None:
            others = [[0, batch - count], *([[0, 0]] * (len(state.shape) - 1))]
            state, every = tf.pad(state, others), tf.pad(every, [[0, 0], *others])
        return number + 1, tf.ensure_shape(state, initial.shape), states.write(number, every)

    variables = (tf.constant(0), initial, states)
    *_, states = tf.while_loop(lambda number, *_: number < rounds, one_round, variables)
    in_order = states.concat()[:time]
    return tf.reverse(in_order, [0]) if reverse else in_order


def _in_rounds(items: tf.Tensor, rounds: tf.Tensor, steps: int, reverse: bool) -> tf.Tensor:
    """`[rounds, steps, ...]`, filled up behind with zeros."""
    in_order = tf.reverse(items, [0]) if reverse else items
    missing = rounds * steps - tf.shape(items)[0]
    filled = tf.pad(in_order, [[0, missing], *([[0, 0]] * (len(items.shape) - 1))])
    return tf.reshape(filled, tf.concat([[-1, steps], tf.shape(items)[1:]], 0))

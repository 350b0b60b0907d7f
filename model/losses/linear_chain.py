"""Linear-chain algorithms in plain functions: the partition function and the best path."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from model.losses.unrolled_scan import unrolled_scan

# The least share of the probability that any tag keeps, however unlikely: it bounds all quotients.
# Double precision reaches far below it, so scores may differ by some 600 before it is felt.
LEAST = 1e-270


def log_partition(potentials: tf.Tensor, transitions: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """The logarithm of the summed `exp(score)` of all tag paths of each example.

    The textbook recursion takes a logsumexp over `[batch, tags, tags]` at every position. Here the
    forward probabilities are kept normalised (Rabiner 1989), so that a position costs one
    `[batch, tags] x [tags, tags]` product in double precision and no exponential; the gradient is
    the forward-backward algorithm, at the same price.

    Args:
        potentials: `[batch, time, tags]` float32.
        transitions: `[tags, tags]` float32, the score of going from one tag to the next.
        lengths: `[batch]` int32, between 0 and `time`.

    Returns:
        `[batch]` float32, 0 where the length is 0.
    """
    by_time = tf.transpose(tf.cast(potentials, tf.float64), [1, 0, 2])
    active = tf.transpose(tf.sequence_mask(lengths, tf.shape(by_time)[0], tf.float64))
    return tf.cast(_log_partition(by_time, tf.cast(transitions, tf.float64), active), tf.float32)


@tf.custom_gradient
def _log_partition(
    potentials: tf.Tensor, transitions: tf.Tensor, active: tf.Tensor
) -> tuple[tf.Tensor, Callable]:
    """`log_partition` on `[time, batch, tags]`, `[tags, tags]` and `[time, batch]`, all float64."""
    # Each column of the kernel and each row of weights is scaled to a maximum of 1.
    column_scale = tf.reduce_max(transitions, 0)
    kernel = tf.exp(transitions - column_scale)
    scores = tf.concat([potentials[:1], potentials[1:] + column_scale], 0)
    row_scale = tf.reduce_max(scores, -1)
    weights = tf.exp(scores - row_scale[..., None])
    forward, norms = _forward(weights, kernel, active)
    result = tf.reduce_sum(active * (row_scale + tf.math.log(norms)), 0)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, None]:
        backward, arriving = _backward(weights / norms[..., None], kernel, active)
        joint = forward * backward
        # The mass is 1, but for what `LEAST` added; it is 0 where scores are out of all range.
        mass = tf.reduce_sum(joint, -1, keepdims=True)
        share = tf.math.divide_no_nan((active * upstream)[..., None], mass)
        # Expected transitions: from a tag at t-1 (forward) to one at t (arriving).
        tags = tf.shape(kernel)[0]
        leaving = tf.reshape(forward[:-1], [-1, tags])
        arriving = tf.reshape(share[1:] * arriving[1:], [-1, tags])
        return share * joint, kernel * tf.matmul(leaving, arriving, transpose_a=True), None

    return result, gradient


def _forward(
    weights: tf.Tensor, kernel: tf.Tensor, active: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Normalised forward probabilities `[time, batch, tags]` and their norms `[time, batch]`."""
    time = tf.shape(weights)[0]
    norm = tf.reduce_sum(weights[0], -1)
    state = tf.maximum(weights[0] / norm[:, None], LEAST)
    states = tf.TensorArray(tf.float64, time).write(0, state)
    norms = tf.TensorArray(tf.float64, time).write(0, norm)

    def step(
        t: tf.Tensor, state: tf.Tensor, states: tf.TensorArray, norms: tf.TensorArray
    ) -> tuple:
        reached = tf.matmul(state, kernel) * weights[t]
        norm = tf.reduce_sum(reached, -1)
        moved = tf.maximum(reached / norm[:, None], LEAST)
        state = tf.where(active[t][:, None] > 0, moved, state)
        return t + 1, state, states.write(t, state), norms.write(t, norm)

    _, _, states, norms = tf.while_loop(lambda t, *_: t < time, step, (1, state, states, norms))
    return states.stack(), norms.stack()


def _backward(
    weights: tf.Tensor, kernel: tf.Tensor, active: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Backward probabilities and, per position, their product with the (normed) weights."""
    time = tf.shape(weights)[0]
    state = tf.ones_like(weights[0])
    states = tf.TensorArray(tf.float64, time)
    products = tf.TensorArray(tf.float64, time)

    def step(
        t: tf.Tensor, state: tf.Tensor, states: tf.TensorArray, products: tf.TensorArray
    ) -> tuple:
        product = weights[t] * state
        states, products = states.write(t, state), products.write(t, product)
        moved = tf.matmul(product, kernel, transpose_b=True)
        state = tf.where(active[t][:, None] > 0, moved, state)
        return t - 1, state, states, products

    variables = (time - 1, state, states, products)
    _, _, states, products = tf.while_loop(lambda t, *_: t >= 0, step, variables)
    return states.stack(), products.stack()


def path_score(
    potentials: tf.Tensor, transitions: tf.Tensor, tags: tf.Tensor, lengths: tf.Tensor
) -> tf.Tensor:
    """The score `[batch]` float32 of the paths `tags` (`[batch, time]` int32)."""
    active = tf.sequence_mask(lengths, tf.shape(tags)[1], tf.float32)
    unary = tf.reduce_sum(active * tf.gather(potentials, tags, batch_dims=2), 1)
    steps = tf.gather_nd(transitions, tf.stack([tags[:, :-1], tags[:, 1:]], -1))
    return unary + tf.reduce_sum(active[:, 1:] * steps, 1)


def best_path(
    potentials: tf.Tensor, transitions: tf.Tensor, lengths: tf.Tensor, confidence: str
) -> tuple[tf.Tensor, tf.Tensor]:
    """The path of the highest score (Viterbi), and a confidence for each of its tags.

    Args:
        potentials, transitions, lengths: As for `log_partition`.
        confidence: "rasa" or "intended", see `model.losses.crf.CRF`.

    Returns:
        Tags `[batch, time]` int32 and confidences `[batch, time]` float32, 0 beyond `lengths`.
    """
    # The longest first, so that those that go on are always the first ones.
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)
    lengths = tf.gather(lengths, order)
    scores = tf.gather(tf.transpose(tf.cast(potentials, tf.float32), [1, 0, 2]), order, axis=1)
    into = tf.transpose(transitions)
    places = tf.range(tf.shape(scores)[0])[:, None]
    best = _best_scores(
        scores, into, tf.math.count_nonzero(places + 1 < lengths, 1, dtype=tf.int32)
    )
    tags, following = _trace_back(best, into, places < lengths)
    ways = best + tf.gather(tf.pad(into, [[0, 1], [0, 0]]), following)  # 0 from the last tag to END
    certainties = _greatest_probability(ways)
    if confidence == "rasa":
        certainties = _rasas_certainties(best, into, certainties, places < lengths - 2)
    as_given = tf.argsort(order)
    return (
        tf.gather(tf.transpose(tf.where(places < lengths, tags, 0)), as_given),
        tf.gather(tf.transpose(tf.where(places < lengths, certainties, 0.0)), as_given),
    )


def _best_scores(potentials: tf.Tensor, into: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """The score of the best path to each tag, `[time, batch, tags]`; `into[j, i]` is i -> j.

    The first `counts` (`[time]` int32) of the rows go on behind each position; what is said of the
    others there means nothing.
    """

    def step(arriving: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max((arriving + scores)[:, None, :] + into, -1)

    first = tf.zeros_like(potentials[0])
    arriving = unrolled_scan(step, first, (potentials,), counts=counts)
    return potentials + tf.concat([first[None], arriving[:-1]], 0)


def _trace_back(best: tf.Tensor, into: tf.Tensor, active: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The tags `[time, batch]` int32, and what follows each: a tag or, behind the last, END.

    END is one more tag, of which all is that lies beyond a text: it follows any tag at no cost.
    """
    end = into.shape[0]
    at_end = tf.where(active, -math.inf, math.inf)[..., None]
    scores = tf.concat([best, at_end], -1)
    into_with_end = tf.pad(into, [[0, 1], [0, 1]])

    def step(following: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        return tf.argmax(scores + tf.gather(into_with_end, following), -1, tf.int32)

    last = tf.fill(tf.shape(best)[1:2], end)
    tags = unrolled_scan(step, last, (scores,), reverse=True)
    return tags, tf.concat([tags[1:], last[None]], 0)


def _rasas_certainties(
    best: tf.Tensor, into: tf.Tensor, certainties: tf.Tensor, is_cut: tf.Tensor
) -> tf.Tensor:
    """Certainties as of the rule "rasa", given those of "intended" (both `[time, batch]`).

    Where `is_cut`, the way is that into tag 1 if the next certainty is exactly 1, else into tag 0.
    """
    of_0, of_1 = (
        tf.where(is_cut, _greatest_probability(best + into[tag]), certainties) for tag in (0, 1)
    )

    def step(next_is_1: tf.Tensor, is_1_of_0: tf.Tensor, is_1_of_1: tf.Tensor) -> tf.Tensor:
        return tf.where(next_is_1, is_1_of_1, is_1_of_0)

    last = tf.zeros(tf.shape(best)[1:2], tf.bool)
    is_1 = unrolled_scan(step, last, (of_0 >= 1, of_1 >= 1), reverse=True)
    return tf.where(tf.concat([is_1[1:], last[None]], 0), of_1, of_0)


def _greatest_probability(scores: tf.Tensor) -> tf.Tensor:
    """The largest softmax of each row, which is exactly 1 where all else is below rounding.

    `tf.nn.softmax` multiplies by an approximate reciprocal, which on some processors makes it
    0.99999994; the rule "rasa" takes the whole part of it, so that answers would differ there.
    """
    highest = tf.reduce_max(scores, -1, keepdims=True)
    return 1.0 / tf.reduce_sum(tf.exp(scores - highest), -1)

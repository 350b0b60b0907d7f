"""Linear-chain algorithms in plain functions: the partition function and the best path."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

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
    potentials = tf.transpose(tf.cast(potentials, tf.float32), [1, 0, 2])
    into = tf.transpose(transitions)
    active = tf.transpose(tf.sequence_mask(lengths, tf.shape(potentials)[0]))
    best = _best_scores(potentials, into, active)
    tags, confidences = _trace_back(best, into, lengths, confidence)
    return (
        tf.transpose(tf.where(active, tags, 0)),
        tf.transpose(tf.where(active, confidences, 0.0)),
    )


def _best_scores(potentials: tf.Tensor, into: tf.Tensor, active: tf.Tensor) -> tf.Tensor:
    """The score of the best path to each tag, `[time, batch, tags]`; `into[j, i]` is i -> j."""
    time = tf.shape(potentials)[0]
    state = potentials[0]
    states = tf.TensorArray(tf.float32, time).write(0, state)

    def step(t: tf.Tensor, state: tf.Tensor, states: tf.TensorArray) -> tuple:
        moved = potentials[t] + tf.reduce_max(state[:, None, :] + into[None], -1)
        state = tf.where(active[t][:, None], moved, state)
        return t + 1, state, states.write(t, state)

    _, _, states = tf.while_loop(lambda t, *_: t < time, step, (1, state, states))
    return states.stack()


def _trace_back(
    best: tf.Tensor, into: tf.Tensor, lengths: tf.Tensor, rule: str
) -> tuple[tf.Tensor, tf.Tensor]:
    """Tags and confidences `[time, batch]`, from the last position to the first."""
    time = tf.shape(best)[0]
    tag = tf.argmax(best[-1], -1, tf.int32)
    certainty = _greatest_probability(best[-1])
    tags = tf.TensorArray(tf.int32, time).write(time - 1, tag)
    certainties = tf.TensorArray(tf.float32, time).write(time - 1, certainty)

    def step(
        t: tf.Tensor,
        tag: tf.Tensor,
        certainty: tf.Tensor,
        tags: tf.TensorArray,
        certainties: tf.TensorArray,
    ) -> tuple:
        column = tag
        if rule == "rasa":
            column = tf.where(t == lengths - 2, tag, tf.cast(certainty, tf.int32))
        found = tf.argmax(best[t] + tf.gather(into, tag), -1, tf.int32)
        sure = _greatest_probability(best[t] + tf.gather(into, column))
        inside = t <= lengths - 2
        tag, certainty = tf.where(inside, found, tag), tf.where(inside, sure, certainty)
        return t - 1, tag, certainty, tags.write(t, tag), certainties.write(t, certainty)

    variables = (time - 2, tag, certainty, tags, certainties)
    *_, tags, certainties = tf.while_loop(lambda t, *_: t >= 0, step, variables)
    return tags.stack(), certainties.stack()


def _greatest_probability(scores: tf.Tensor) -> tf.Tensor:
    """The largest softmax of each row, which is exactly 1 where all else is below rounding.

    `tf.nn.softmax` multiplies by an approximate reciprocal, which on some processors makes it
    0.99999994; the rule "rasa" takes the whole part of it, so that answers would differ there.
    """
    highest = tf.reduce_max(scores, -1, keepdims=True)
    return 1.0 / tf.reduce_sum(tf.exp(scores - highest), -1)

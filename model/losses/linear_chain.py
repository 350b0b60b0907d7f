"""Linear-chain algorithms in plain functions: the partition function and the best path."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from model.losses.unrolled_scan import unrolled_scan

# The least share of the probability that any tag keeps, however unlikely: it bounds all quotients.
# Double precision reaches far below it, so scores may differ by some 600 before it is felt.
LEAST = 1e-270

STEPS = 4
"""Of Viterbi's recursion per round: with many tags, one that is not needed costs half a round."""


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
    return tf.cast(_log_partition(by_time, tf.cast(transitions, tf.float64), lengths), tf.float32)


@tf.custom_gradient
def _log_partition(
    potentials: tf.Tensor, transitions: tf.Tensor, lengths: tf.Tensor
) -> tuple[tf.Tensor, Callable]:
    """`log_partition` on `[time, batch, tags]` and `[tags, tags]`, both float64."""
    # The longest first, so that those that go on are always the first ones.
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)
    as_given = tf.argsort(order)
    lengths, potentials = tf.gather(lengths, order), tf.gather(potentials, order, axis=1)
    # Each column of the kernel and each row of weights is scaled to a maximum of 1.
    column_scale = tf.reduce_max(transitions, 0)
    kernel = tf.exp(transitions - column_scale)
    scores = tf.concat([potentials[:1], potentials[1:] + column_scale], 0)
    row_scale = tf.reduce_max(scores, -1)
    weights = tf.exp(scores - row_scale[..., None])
    active = tf.range(tf.shape(weights)[0])[:, None] < lengths
    forward, norms = _forward(weights, kernel, active)
    result = tf.reduce_sum(tf.where(active, row_scale + tf.math.log(norms), 0.0), 0)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, None]:
        backward, arriving = _backward(weights / norms[..., None], kernel, lengths)
        joint = forward * backward
        # The mass is 1, but for what `LEAST` added; it is 0 where scores are out of all range.
        mass = tf.reduce_sum(joint, -1, keepdims=True)
        weight = tf.where(active, tf.gather(upstream, order), 0.0)
        share = tf.math.divide_no_nan(weight[..., None], mass)
        # Expected transitions: from a tag at t-1 (forward) to one at t (arriving).
        tags = tf.shape(kernel)[0]
        leaving = tf.reshape(forward[:-1], [-1, tags])
        arriving = tf.reshape(share[1:] * arriving[1:], [-1, tags])
        expected = kernel * tf.matmul(leaving, arriving, transpose_a=True)
        return tf.gather(share * joint, as_given, axis=1), expected, None

    return tf.gather(result, as_given), gradient


def _forward(
    weights: tf.Tensor, kernel: tf.Tensor, active: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Normalised forward probabilities `[time, batch, tags]` and their norms `[time, batch]`.

    Norms are 1 where nothing is `active`.
    """

    def normalised(reached: tf.Tensor, norm: tf.Tensor) -> tf.Tensor:
        return tf.maximum(reached / norm[..., None], LEAST)

    def step(arriving: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        reached = arriving * weights
        return tf.matmul(normalised(reached, tf.reduce_sum(reached, -1)), kernel)

    counts = tf.math.count_nonzero(active, 1, dtype=tf.int32)
    first = tf.ones_like(weights[0])
    arriving = unrolled_scan(step, first, (weights,), counts=counts)
    reached = weights * tf.concat([first[None], arriving[:-1]], 0)
    norms = tf.where(active, tf.reduce_sum(reached, -1), 1.0)
    return normalised(reached, norms), norms


def _backward(
    weights: tf.Tensor, kernel: tf.Tensor, lengths: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Backward probabilities and, per position, their product with the (normed) weights."""

    def step(state: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        return tf.matmul(state * weights, kernel, transpose_b=True)

    def turned(by_time: tf.Tensor) -> tf.Tensor:
        return tf.reverse_sequence(by_time, lengths, seq_axis=0, batch_axis=1)

    # Every text from its last token on, so that also here those that go on are the first ones.
    from_end = turned(weights)
    places = tf.range(tf.shape(weights)[0])[:, None]
    counts = tf.math.count_nonzero(places < lengths, 1, dtype=tf.int32)
    last = tf.ones_like(weights[0])
    passed = unrolled_scan(step, last, (from_end,), counts=counts)
    states = turned(tf.concat([last[None], passed[:-1]], 0))
    return states, weights * states


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
    best = _best_scores(scores, into, places < lengths)
    tags, following = _trace_back(best, into, places < lengths)
    ways = best + tf.gather(tf.pad(into, [[0, 1], [0, 0]]), following)  # 0 from the last tag to END
    if confidence == "rasa":
        is_cut = places < lengths - 2
        certainties = _rasas_certainties(tf.stack([ways, best + into[0], best + into[1]]), is_cut)
    else:
        certainties = _greatest_probability(ways)
    as_given = tf.math.invert_permutation(order)
    return (
        tf.gather(tf.transpose(tf.where(places < lengths, tags, 0)), as_given),
        tf.gather(tf.transpose(tf.where(places < lengths, certainties, 0.0)), as_given),
    )


def _best_scores(potentials: tf.Tensor, into: tf.Tensor, active: tf.Tensor) -> tf.Tensor:
    """The score of the best path to each tag, `[time, batch, tags]`; `into[j, i]` is i -> j.

    `active` (`[time, batch]` bool) are the positions of texts; others get any score.
    """
    candidates = _candidates(potentials, into, active)
    into_from = tf.gather(into, candidates, axis=1)

    def step(arriving: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        leaving = tf.gather(arriving + scores, candidates, axis=1)
        return tf.reduce_max(leaving[:, None, :] + into_from, -1)

    first = tf.zeros_like(potentials[0])
    # So many of the rows go on behind each position.
    counts = tf.pad(tf.math.count_nonzero(active[1:], 1, dtype=tf.int32), [[0, 1]])
    arriving = unrolled_scan(step, first, (potentials,), counts=counts, steps=STEPS)
    return potentials + tf.concat([first[None], arriving[:-1]], 0)


def _candidates(potentials: tf.Tensor, into: tf.Tensor, active: tf.Tensor) -> tf.Tensor:
    """The tags, int64, through which a best path may lead at some position; mostly few of many.

    With s the greatest difference between two transitions, the scores of the best paths through two
    tags of one position differ from their potentials' difference by at most 2 s: for how they are
    reached, and for where they lead. The third s is room for what sums lose by rounding.
    """
    spread = tf.reduce_max(into) - tf.reduce_min(into)
    least = tf.reduce_max(potentials, -1, keepdims=True) - 3 * spread
    possible = (potentials >= least) & active[..., None]
    return tf.where(tf.reduce_any(possible, [0, 1]))[:, 0]


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


def _rasas_certainties(ways: tf.Tensor, is_cut: tf.Tensor) -> tf.Tensor:
    """Certainties `[time, batch]` as of the rule "rasa".

    Where `is_cut` (`[time, batch]` bool; never at the last position), the way is that into tag 1 if
    the next certainty is exactly 1, else into tag 0.

    Args:
        ways: `[3, time, batch, tags]`, scores of the ways into the decoded next tag, into tag 0
            and into tag 1.
    """
    certainties, of_0, of_1 = tf.unstack(_greatest_probability(ways))
    of_0, of_1 = (tf.where(is_cut, of_tag, certainties) for of_tag in (of_0, of_1))
    is_1 = _chosen_from_behind(tf.transpose(of_0 >= 1), tf.transpose(of_1 >= 1))
    next_is_1 = tf.concat([tf.transpose(is_1)[1:], tf.zeros_like(is_cut[:1])], 0)
    return tf.where(next_is_1, of_1, of_0)


def _chosen_from_behind(if_false: tf.Tensor, if_true: tf.Tensor) -> tf.Tensor:
    """`[batch, time]` bool: of each position one of the two, by what was chosen at the next one.

    Where both are the same, the next one does not matter; elsewhere it is taken over or negated. So
    all follow from the nearest position behind that is certain, and from the number of negations
    up to there, without a loop. At the last position both must be the same.

    >>> if_false, if_true = tf.constant([[True, False, True]]), tf.constant([[False, True, True]])
    >>> _chosen_from_behind(if_false, if_true).numpy().tolist()
    [[False, True, True]]
    """
    false, true = tf.reshape(if_false, [-1]), tf.reshape(if_true, [-1])
    certain = tf.equal(false, true)
    negations = tf.cumsum(tf.cast(false & ~true, tf.int32), exclusive=True)
    at_certain = tf.boolean_mask(tf.cast(true, tf.int32) + negations, certain)
    nearest = tf.cumsum(tf.cast(certain, tf.int32), exclusive=True)
    chosen = tf.bitwise.bitwise_and(tf.gather(at_certain, nearest) - negations, 1)
    return tf.reshape(chosen > 0, tf.shape(if_false))


def _greatest_probability(scores: tf.Tensor) -> tf.Tensor:
    """The largest softmax of each row, which is exactly 1 where all else is below rounding.

    `tf.nn.softmax` multiplies by an approximate reciprocal, which on some processors makes it
    0.99999994; the rule "rasa" takes the whole part of it, so that answers would differ there.
    """
    highest = tf.reduce_max(scores, -1, keepdims=True)
    return 1.0 / tf.reduce_sum(tf.exp(scores - highest), -1)

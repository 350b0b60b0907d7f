import itertools

import numpy as np
import pytest
import tensorflow as tf

from model.loss_term import scale_easy_examples
from model.losses.crf import CRF
from model.losses.linear_chain import best_path, log_partition
from model.replicas import ONE_REPLICA

LENGTHS = np.array([4, 0, 1, 3], np.int32)


def scores(scale=1.0, tags=3, time=4):
    rng = np.random.default_rng(0)
    potentials = rng.normal(size=[4, time, tags]) * scale
    return potentials.astype(np.float32), (rng.normal(size=[tags, tags]) * scale).astype(np.float32)


def paths(potentials, transitions, length):
    """Every path of one text and its score, in double precision."""
    every = list(itertools.product(range(potentials.shape[-1]), repeat=length))
    values = [
        sum(float(potentials[t, tag]) for t, tag in enumerate(path))
        + sum(float(transitions[a, b]) for a, b in itertools.pairwise(path))
        for path in every
    ]
    return every, np.array(values)


def enumerated(potentials, transitions, length):
    """The partition and its gradients by enumeration."""
    every, values = paths(potentials, transitions, length)
    log_z = values.max() + np.log(np.exp(values - values.max()).sum())
    unary, pairs = np.zeros(potentials.shape), np.zeros(transitions.shape)
    for path, share in zip(every, np.exp(values - log_z), strict=True):
        for t, tag in enumerate(path):
            unary[t, tag] += share
        for a, b in itertools.pairwise(path):
            pairs[a, b] += share
    return log_z, unary, pairs


@pytest.mark.parametrize("scale", [1, 30, 100])
def test_partition_and_gradient_are_those_of_all_paths(scale):
    potentials, transitions = map(tf.constant, scores(scale))
    upstream = tf.constant([1.0, 2.0, -1.0, 0.5])
    with tf.GradientTape() as tape:
        tape.watch([potentials, transitions])
        result = log_partition(potentials, transitions, tf.constant(LENGTHS))
        total = tf.reduce_sum(result * upstream)
    unary, pairs = tape.gradient(total, [potentials, transitions])
    expected_pairs = 0
    for row, length in enumerate(LENGTHS):
        log_z, one_unary, one_pairs = enumerated(
            potentials[row].numpy(), transitions.numpy(), length
        )
        np.testing.assert_allclose(result[row], log_z, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(unary[row], one_unary * upstream[row].numpy(), atol=1e-5)
        expected_pairs += one_pairs * upstream[row].numpy()
    np.testing.assert_allclose(pairs, expected_pairs, atol=1e-5)


def plain_log_partition(potentials, transitions):
    state = potentials[:, 0]
    for t in range(1, potentials.shape[1]):
        state = potentials[:, t] + tf.reduce_logsumexp(state[:, :, None] + transitions[None], 1)
    return tf.reduce_logsumexp(state, -1)


def test_partition_is_that_of_the_plain_recursion_at_40_tags():
    potentials, transitions = map(tf.constant, scores(3, tags=40, time=12))
    results = []
    for function in (
        lambda p, t: log_partition(p, t, tf.fill([4], 12)),
        plain_log_partition,
    ):
        with tf.GradientTape() as tape:
            tape.watch([potentials, transitions])
            result = function(potentials, transitions)
        results.append([result, *tape.gradient(result, [potentials, transitions])])
    for ours, plain in zip(*results, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", [1e3, 1e5])
def test_scores_out_of_all_range_give_finite_gradients(scale):
    potentials, transitions = map(tf.constant, scores(scale))
    with tf.GradientTape() as tape:
        tape.watch([potentials, transitions])
        result = log_partition(potentials, transitions, tf.constant(LENGTHS))
    assert np.isfinite(result).all()
    assert all(np.isfinite(g).all() for g in tape.gradient(result, [potentials, transitions]))


def test_likelihood_and_viterbi_are_those_of_all_paths():
    crf = CRF(3)
    crf.build()
    potentials, transitions = scores()
    crf.transitions.assign(transitions)
    tags = np.random.default_rng(1).integers(0, 3, [4, 4]).astype(np.int32)
    likelihood = crf.log_likelihood(
        tf.constant(potentials), tf.constant(tags), tf.constant(LENGTHS)
    )
    decoded, confidences = crf(tf.constant(potentials), tf.constant(LENGTHS))
    for row, length in enumerate(LENGTHS):
        every, values = paths(potentials[row], transitions, length)
        log_z, *_ = enumerated(potentials[row], transitions, length)
        own = values[every.index(tuple(tags[row, :length]))]
        np.testing.assert_allclose(likelihood[row], own - log_z, atol=1e-5)
        assert tuple(decoded[row, :length].numpy()) == every[int(values.argmax())]
        assert not np.any(decoded[row, length:]) and not np.any(confidences[row, length:])


@pytest.mark.parametrize("scale", [0.5, 5.0, 50.0])
def test_viterbi_leaves_out_only_tags_of_no_best_path(scale):
    potentials, transitions = scores(scale, tags=40, time=12)
    transitions /= scale  # so that from some scale on most tags are out of the question
    lengths = np.array([12, 7, 1, 0], np.int32)
    tags, _ = best_path(*map(tf.constant, (potentials, transitions, lengths)), "rasa")
    for row, length in enumerate(lengths):
        best, came_from = potentials[row, :1], []
        for position in range(1, length):
            ways = best[-1][:, None] + transitions
            came_from.append(ways.argmax(0))
            best = np.concatenate([best, potentials[row, position][None] + ways.max(0)])
        path = [best[-1].argmax()] if length else []
        for backwards in reversed(came_from):
            path.insert(0, backwards[path[0]])
        assert tags[row].numpy().tolist() == [*path, *[0] * (12 - length)]


def slow_confidences(potentials, transitions, tags, rule):
    """The definition in the CRF's docstring for one text."""

    def softmax(values):
        return np.exp(values - values.max()) / np.exp(values - values.max()).sum()

    best, into = [potentials[0]], [None]
    for t in range(1, len(tags)):
        ways = best[-1][:, None] + transitions
        into.append([softmax(ways[:, tag]).max() for tag in range(ways.shape[1])])
        best.append(potentials[t] + ways.max(0))
    result = [softmax(best[-1]).max()]
    for t in range(len(tags) - 2, -1, -1):
        followed_by_last = t == len(tags) - 2
        column = tags[t + 1] if rule == "intended" or followed_by_last else int(result[0])
        result.insert(0, into[t + 1][column])
    return result


@pytest.mark.shows("entity_confidence")
@pytest.mark.parametrize("rule", ["rasa", "intended"])
def test_confidences(rule):
    potentials, transitions = scores(2)
    tags, confidences = best_path(
        tf.constant(potentials), tf.constant(transitions), tf.constant(LENGTHS), rule
    )
    for row, length in enumerate(LENGTHS):
        if length:
            expected = slow_confidences(
                potentials[row, :length], transitions, tags[row, :length].numpy(), rule
            )
            np.testing.assert_allclose(confidences[row, :length], expected, rtol=1e-5)


def test_rasas_confidence_of_exactly_one_leads_to_tag_1():
    potentials = tf.constant([[[0.0, 1, 0], [0, 2, 0], [0, 200, 0], [0, 200, 0]]])
    transitions = tf.constant(scores()[1])
    tags, confidences = best_path(potentials, transitions, tf.constant([4]), "rasa")
    assert confidences[0, 3] == 1 and confidences[0, 2] == 1
    expected = slow_confidences(potentials[0].numpy(), transitions.numpy(), tags[0].numpy(), "rasa")
    np.testing.assert_allclose(confidences[0], expected, rtol=1e-5)


@pytest.mark.shows("diet.scale_loss")
def test_scaling_begins_when_one_real_example_is_easy():
    losses = tf.constant([0.1, 2.0, 0.0])
    p = np.exp(-losses.numpy())
    scaled = scale_easy_examples(losses, tf.constant([1.0, 1.0, 0.0]), ONE_REPLICA)
    np.testing.assert_allclose(scaled[:2], (losses * ((1 - p) / 0.5) ** 4)[:2], rtol=1e-5)
    hard = tf.constant([0.8, 2.0, 0.0])
    unscaled = scale_easy_examples(hard, tf.constant([1.0, 1.0, 0.0]), ONE_REPLICA)
    np.testing.assert_array_equal(unscaled, hard)


def test_crf_keeps_the_contract(check_layer):
    potentials, _ = scores()
    tags = tf.zeros([4, 4], tf.int32)
    check_layer(
        lambda policy: CRF(3, regularization=0.1, scale_loss=True, dtype=policy),
        lambda layer: layer.build(),
        lambda layer: [
            layer.loss(tf.constant(potentials), tags, tf.constant(LENGTHS), tf.ones([4])).total
        ],
        weights=1,
    )


def test_wrong_confidence_is_named():
    with pytest.raises(ValueError, match="confidence.*sure"):
        CRF(3, confidence="sure")

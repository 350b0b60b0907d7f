"""The loss of label sets against itself written down row by row, and its draws."""

import numpy as np
import pytest
import tensorflow as tf

from model.losses.label_sets import NO_LABEL, LabelSetLoss
from model.noise import Noise
from model.replicas import ONE_REPLICA

LABELS = np.random.default_rng(1).normal(size=[6, 4]).astype(np.float32)
INPUTS = np.random.default_rng(2).normal(size=[4, 4]).astype(np.float32)
IDS = np.array([[0, 3, NO_LABEL], [5, NO_LABEL, NO_LABEL], [1, 2, 4], [NO_LABEL] * 3], np.int32)
WEIGHTS = np.array([1, 2, 1, 0], np.float32)


@pytest.fixture
def loss():
    layer = LabelSetLoss(num_candidates=5, name="loss")
    layer.build()
    return layer


def drawn(noise, loss):
    return noise.indices(f"{loss.path}/labels", [4, 5], tf.constant(6), shared=True).numpy()


def by_hand(candidates):
    """The loss and the accuracy of each row."""
    losses, right = np.zeros(4), np.zeros(4)
    for row, own in enumerate(IDS):
        own = [label for label in own if label != NO_LABEL]
        asked = [*own, *candidates[row]]
        for label in asked:
            score = INPUTS[row] @ LABELS[label]
            likely = 1 / (1 + np.exp(-score.astype(np.float64)))
            losses[row] -= np.log(likely if label in own else 1 - likely) / len(asked)
            right[row] += ((likely > 0.5) == (label in own)) / len(asked)
    return losses, right


def test_each_row_is_the_mean_of_its_own_and_drawn_labels(loss):
    noise = Noise(3, tf.constant(4, tf.int64))
    losses, right = by_hand(drawn(noise, loss))
    given = [tf.constant(of) for of in (INPUTS, LABELS, IDS, WEIGHTS)]
    found, accuracy = loss(*given, noise=noise)
    assert float(found.total) == pytest.approx(losses @ WEIGHTS, rel=1e-5)
    assert float(accuracy.total) == pytest.approx(right @ WEIGHTS, rel=1e-5)
    assert float(found.weight) == float(accuracy.weight) == WEIGHTS.sum()


def test_without_noise_the_draws_are_always_the_same(loss):
    given = [tf.constant(of) for of in (INPUTS, LABELS, IDS, WEIGHTS)]
    first, second, other = (
        float(loss(*given, noise=noise)[0].total)
        for noise in (None, None, Noise(1, tf.constant(1, tf.int64)))
    )
    assert first == second != other


@pytest.mark.parametrize("scale_loss", [False, True])
def test_replicas_draw_for_the_global_batch(run_replicas, scale_loss):
    layer = LabelSetLoss(num_candidates=5, scale_loss=scale_loss, name="loss")
    layer.build()

    def total(rows, replicas=ONE_REPLICA):
        noise = Noise(3, tf.constant(4, tf.int64), replicas)
        of_rows = [tf.constant(of[rows]) for of in (INPUTS * 3, IDS, WEIGHTS)]
        inputs, ids, weights = of_rows
        given = (inputs, tf.constant(LABELS), ids, weights)
        return float(layer(*given, noise=noise, replicas=replicas)[0].total)

    parts = [slice(0, 2), slice(2, 4)]
    shares = run_replicas(2, lambda replicas: total(parts[int(replicas.index)], replicas))
    assert sum(shares) == pytest.approx(total(slice(None)), rel=1e-6)


def test_learnt_labels_count_less_once_one_is_more_likely_than_not():
    given = [tf.constant(of) for of in (INPUTS * 3, LABELS, IDS, WEIGHTS)]
    plain, scaled = (
        float(LabelSetLoss(num_candidates=5, scale_loss=scale)(*given)[0].total)
        for scale in (False, True)
    )
    assert 0 < scaled and scaled != plain

"""F1 of tags as a quotient of sums, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score

from model.losses.tag_head import tag_f1


def quotient(terms):
    return sum(float(t.total) for t in terms) / sum(float(t.weight) for t in terms)


@pytest.mark.parametrize("batches", [1, 3])
def test_the_f1_of_tags_is_scikit_learns_micro_f1_however_it_is_divided(batches):
    random = np.random.default_rng(5)
    true = random.integers(0, 4, (12, 7)).astype(np.int32)
    predicted = np.where(random.random((12, 7)) < 0.5, true, random.integers(0, 4, (12, 7)))
    parts = zip(np.split(predicted, batches), np.split(true, batches), strict=True)
    ours = quotient([tag_f1(tf.constant(p, tf.int32), tf.constant(t)) for p, t in parts])
    theirs = f1_score(true.ravel(), predicted.ravel(), labels=[1, 2, 3], average="micro")
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_texts_without_tags_count_nothing():
    zeros = tf.zeros([2, 3], tf.int32)
    assert [float(part) for part in tag_f1(zeros, zeros)] == [0, 0]

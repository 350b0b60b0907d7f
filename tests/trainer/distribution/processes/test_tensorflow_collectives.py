"""Tensors are filled up to few sizes, each with a number of its own."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from trainer.distribution.processes.tensorflow_collectives import SIZES, padded_size


def test_sizes_are_few_and_little_larger_than_what_they_hold():
    sizes = np.unique(np.geomspace(1, 2**30, 20_000).astype(np.int32))
    padded, numbers = (of.numpy() for of in padded_size(tf.constant(sizes)))
    assert (padded >= sizes).all() and (padded <= np.maximum(sizes * 1.125, 16)).all()
    assert len(set(padded)) < 250
    assert 0 < numbers.min() and numbers.max() < SIZES
    by_number = dict(zip(numbers, padded, strict=True))
    assert all(by_number[number] == size for number, size in zip(numbers, padded, strict=True))


def test_nothing_is_filled_up_to_one():
    assert padded_size(tf.constant(0))[0] == 1

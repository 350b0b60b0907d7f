"""What travels in one tensor comes out as it went in."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from trainer.distribution.packing import pack, unpack

TENSORS = [
    tf.constant([[1.5, -0.0], [float("nan"), 3e-45]]),  # one that is no number, and a denormal one
    tf.constant([-1, 2**31 - 1]),
    tf.constant([[[2**62 + 1]], [[-3]]], tf.int64),
    tf.constant([True, False]),
    tf.constant([0.1, -65504.0], tf.float16),
    tf.zeros([2, 0]),
]


def test_tensors_come_back_bit_for_bit():
    packed = pack(TENSORS)
    assert packed.shape == (2, 2 + 1 + 2 + 1 + 1 + 0)
    for back, tensor in zip(unpack(packed, TENSORS), TENSORS, strict=True):
        assert back.dtype == tensor.dtype and back.shape == tensor.shape
        assert back.numpy().tobytes() == tensor.numpy().tobytes()


def test_more_rows_come_back_than_went_in():
    everyones = tf.concat([pack(TENSORS), pack(TENSORS)], axis=0)
    for back, tensor in zip(unpack(everyones, TENSORS), TENSORS, strict=True):
        np.testing.assert_array_equal(back, np.concatenate([tensor, tensor]))


def test_there_may_be_no_rows():
    empty = [tensor[:0] for tensor in TENSORS]
    for back, tensor in zip(unpack(pack(empty), empty), empty, strict=True):
        assert back.shape == tensor.shape

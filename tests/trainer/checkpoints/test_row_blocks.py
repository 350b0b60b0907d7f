"""Variables are read block by block."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.checkpoints import row_blocks as module
from trainer.checkpoints.row_blocks import bytes_of, row_blocks


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 48)


@pytest.mark.parametrize("shape", [(), (0, 4), (3, 4), (4, 4), (10, 4), (50,), (2, 30)])
def test_blocks_end_to_end_are_the_variable(shape):
    values = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    variable = keras.Variable(values)
    blocks = [block.numpy() for block in row_blocks(variable)]
    assert bytes_of(variable) == values.nbytes
    assert (len(blocks) > 1) == (values.nbytes > 48)
    np.testing.assert_array_equal(np.concatenate(blocks) if shape else blocks[0], values)
    assert all(block.nbytes <= 48 for block in blocks) or shape == (2, 30)  # whole rows


def test_a_mirrored_variable_is_read_on_its_first_device():
    values = np.arange(40, dtype=np.float32).reshape(10, 4)
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        variable = keras.Variable(values)
    assert isinstance(variable.value, tf.distribute.DistributedValues)
    blocks = [block.numpy() for block in row_blocks(variable)]
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate(blocks), values)

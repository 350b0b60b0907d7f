"""The values of a variable, a block of rows after the other.

TensorFlow copies a variable, rows of which have been written, whenever it is read as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

BLOCK_BYTES = 16 * 2**20


def bytes_of(variable: Any) -> int:
    """How much a Keras variable holds."""
    return math.prod(variable.shape) * tf.as_dtype(variable.dtype).size


def row_blocks(variable: Any) -> Iterator[tf.Tensor]:
    """The rows of a Keras variable (on the first device, if on several), `BLOCK_BYTES` at a time.

    A small variable, or a scalar, is one block.
    """
    values = getattr(variable.value, "values", (variable.value,))[0]
    blocks = -(-bytes_of(variable) // BLOCK_BYTES)
    if blocks < 2:
        yield tf.convert_to_tensor(values)
        return
    rows = variable.shape[0]
    share = -(-rows // blocks)
    for start in range(0, rows, share):
        yield tf.gather(values, tf.range(start, min(start + share, rows)))

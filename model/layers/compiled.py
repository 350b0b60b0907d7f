"""Passes over many elements, compiled: read once and written once, forward and backward.

Formulas of elements take an operation for each of their terms, and each of these a pass over
memory. XLA makes one pass of them, for tensors of one shape at a time: so rows have to come in few
numbers (`common_length`). What is compiled stays with the process: a program per function,
constants and shapes, shared by all layers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable

import tensorflow as tf


def compiled(
    function: Callable[..., tf.Tensor], *tensors: tf.Tensor, **constants: Hashable
) -> tf.Tensor:
    """What `function(*tensors, **constants)` returns, with gradient.

    Nothing but `tensors` and what is returned is kept for the gradient: the rest is computed anew,
    which takes less time than to read it.

    Args:
        function: of tensors to a tensor; a plain function of a module, since its programs are kept.
    """
    forward, backward = _programs(function, tuple(sorted(constants.items())))

    @tf.custom_gradient
    def run(*tensors: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        return forward(*tensors), lambda upstream: backward(tensors, upstream)

    return run(*tensors)


@functools.cache
def _programs(
    function: Callable[..., tf.Tensor], constants: tuple[tuple[str, Hashable], ...]
) -> tuple[Callable, Callable]:
    """The function and its gradient, compiled when they are called with new shapes."""
    forward = functools.partial(function, **dict(constants))

    def backward(tensors: tuple[tf.Tensor, ...], upstream: tf.Tensor) -> list:
        with tf.GradientTape() as tape:
            tape.watch([tensor for tensor in tensors if tensor.dtype.is_floating])
            output = forward(*tensors)
        return tape.gradient(output, tensors, upstream)

    return tuple(
        tf.function(program, jit_compile=True, autograph=False) for program in (forward, backward)
    )


def common_length(count: tf.Tensor) -> tf.Tensor:
    """The first of few numbers that is not less than `count`, an int32 scalar.

    These are 8 to 16 times a power of two, at least 256: at most an eighth is more than was needed.

    >>> [int(common_length(tf.constant(count))) for count in (3, 257, 1024, 1025)]
    [256, 288, 1024, 1152]
    """
    count = tf.maximum(count, 256)
    unit = 2 ** (tf.cast(tf.math.log(tf.cast(count, tf.float32)) / math.log(2), tf.int32) - 3)
    return -(-count // unit) * unit

"""Several tensors of equally many rows as one: what travels together waits for others once."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def pack(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """Lay `[rows, ...]` tensors side by side: `[rows, columns]` float32; `unpack` undoes it.

    Numbers of 32 and 64 bits keep their bits, whatever they mean, shorter ones their value: what
    comes of this may be moved, and added up only where all of it was float32.
    """
    return tf.concat([_as_floats(tensor) for tensor in tensors], axis=1)


def unpack(packed: tf.Tensor, like: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The tensors that `pack` made `packed` of, by now maybe of other rows.

    Args:
        packed: `[rows, columns]` float32.
        like: have the types and, but for the first, the dimensions of the result.
    """
    widths = tf.stack([_width(tensor) * _words(tensor.dtype) for tensor in like])
    parts = tf.split(packed, widths, axis=1)
    return [_restored(part, tensor) for part, tensor in zip(parts, like, strict=True)]


def _width(tensor: tf.Tensor) -> tf.Tensor:
    return tf.reduce_prod(tf.shape(tensor)[1:])


def _words(dtype: tf.DType) -> int:
    """How many float32 stand for one number."""
    return max(dtype.size // 4, 1)


def _as_floats(tensor: tf.Tensor) -> tf.Tensor:
    rows, columns = tf.shape(tensor)[0], _width(tensor) * _words(tensor.dtype)
    values = (
        tf.bitcast(tensor, tf.float32) if tensor.dtype.size >= 4 else tf.cast(tensor, "float32")
    )
    return tf.reshape(values, tf.stack([rows, columns]))


def _restored(part: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    shape = tf.concat([tf.shape(part)[:1], tf.shape(like)[1:]], axis=0)
    if like.dtype.size < 4:
        values = tf.cast(tf.reshape(part, shape), like.dtype)
    else:
        words = [_words(like.dtype)] if like.dtype.size > 4 else []
        values = tf.bitcast(tf.reshape(part, tf.concat([shape, words], axis=0)), like.dtype)
    return tf.ensure_shape(values, [None, *like.shape[1:]])

"""TensorFlow's own collective operations, by which `MultiWorkerMirroredStrategy` exchanges.

They are called directly. A strategy's replica context gives every exchange of every step a key of
its own, and TensorFlow keeps a record per key until the process ends, 1.6 KB each (2.21). A record
also holds the shape, which must be the same whenever the key is used again. So here an exchange has
one key per shape, and tensors whose size varies are filled up to one of few sizes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

GROUP_KEY = 1 << 20
"""Of all processes; the strategy itself counts its groups from 1."""
FIRST_KEY = 1 << 20
SIZES = 1 << 10
"""More than there are padded sizes."""
_numbers = itertools.count()
"""Of the exchanges of this process; a key stays in use when another training follows."""


class TensorFlowCollectives:
    """`Collectives` of processes whose cluster has been formed.

    Args:
        device: of this process, on which tensors are exchanged.
    """

    flag_type = tf.float16  # there is no exchange of bytes

    def __init__(self, size: int, rank: int, device: str):
        self.size, self.rank = size, rank
        self._device = device
        on_gpu = "GPU" in device
        self._hint = "nccl" if on_gpu else "ring"
        # NCCL's exchanges must begin in the same order everywhere; rings may overtake each other.
        self._token = tf.Variable(0.0, trainable=False) if on_gpu else None

    def sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        flat = tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], axis=0)
        summed = self._reduced(flat, "Add")
        parts = tf.split(summed, [_size(tensor) for tensor in tensors])
        return [_shaped(part, like) for part, like in zip(parts, tensors, strict=True)]

    def largest(self, tensor: tf.Tensor) -> tf.Tensor:
        return _shaped(self._reduced(tf.reshape(tensor, [-1]), "Max"), tensor)

    def gather(self, tensor: tf.Tensor, counts: tf.Tensor | None = None) -> tf.Tensor:
        if counts is None:
            return self._gather_alike(tensor)
        most = tf.reduce_max(counts)
        missing = most - tf.shape(tensor)[0]
        filled_up = tf.pad(tensor, [[0, missing], *[[0, 0]] * (tensor.shape.rank - 1)])
        places = tf.where(tf.reshape(tf.sequence_mask(counts, most), [-1]))[:, 0]
        return tf.gather(self._gather_alike(filled_up), places)

    def _gather_alike(self, tensor: tf.Tensor) -> tf.Tensor:
        """Of as many rows each."""
        flat, key = self._filled_up(tf.reshape(tensor, [-1]))
        gathered = self._exchange(
            lambda **settings: tf.raw_ops.CollectiveGatherV2(input=flat, **settings), key
        )
        everyones = tf.reshape(gathered, [self.size, -1])[:, : _size(tensor)]
        shape = tf.concat([[self.size * tf.shape(tensor)[0]], tf.shape(tensor)[1:]], axis=0)
        rows = tensor.shape[0]
        whole = tf.reshape(everyones, shape)
        return tf.ensure_shape(
            whole, [None if rows is None else self.size * rows, *tensor.shape[1:]]
        )

    def send(self, tensors: Sequence[tf.Tensor]) -> tf.Operation:
        """Give these tensors to all others, which `receive` them.

        Returns:
            What a graph has to run; TensorFlow leaves out what nobody asks for.
        """
        sent = [
            tf.raw_ops.CollectiveBcastSendV2(input=tensor, **self._broadcast_settings())
            for tensor in tensors
        ]
        return tf.group(sent)

    def receive(self, like: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Tensors that another process sends, of these types and shapes."""
        return [
            tf.raw_ops.CollectiveBcastRecvV2(
                shape=tensor.shape, T=tensor.dtype, **self._broadcast_settings()
            )
            for tensor in like
        ]

    def _broadcast_settings(self) -> dict[str, Any]:
        return {
            "group_size": self.size,
            "group_key": GROUP_KEY,
            "instance_key": self._new_key(),
            "communication_hint": self._hint,
        }

    def _reduced(self, flat: tf.Tensor, merge: str) -> tf.Tensor:
        filled, key = self._filled_up(flat)
        reduced = self._exchange(
            lambda **settings: tf.raw_ops.CollectiveReduceV2(
                input=filled, merge_op=merge, final_op="Id", **settings
            ),
            key,
        )
        return reduced[: _size(flat)]

    def _exchange(self, operation: Callable[..., tf.Tensor], key: tf.Tensor | int) -> tf.Tensor:
        with tf.device(self._device):
            return operation(
                group_size=self.size,
                group_key=GROUP_KEY,
                instance_key=key,
                ordering_token=[] if self._token is None else [self._token.handle],
                communication_hint=self._hint,
            )

    def _filled_up(self, flat: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | int]:
        """`flat`, with zeros behind it where its size may vary, and the key for that size."""
        key = self._new_key()
        if flat.shape[0] is not None:
            return flat, key
        size = tf.shape(flat)[0]
        padded, number = padded_size(size)
        return tf.pad(flat, [[0, padded - size]]), key + number

    def _new_key(self) -> int:
        """Called as graphs are built, which all processes do in the same order."""
        return FIRST_KEY + next(_numbers) * SIZES


def padded_size(size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A size not below `size`, at most an eighth above it, and the number it has among all.

    Sizes are 9 to 16 times a power of two, or up to 16.
    """
    bits = tf.math.log(tf.cast(tf.maximum(size - 1, 1), tf.float64)) / math.log(2)
    power = tf.maximum(tf.cast(bits, tf.int32) - 3, 0)
    unit = tf.bitwise.left_shift(tf.ones([], tf.int32), power)
    units = tf.maximum(-(-size // unit), 1)
    return units * unit, power * 32 + units


def _size(tensor: tf.Tensor) -> tf.Tensor | int:
    known = tensor.shape.num_elements()
    return tf.size(tensor) if known is None else known


def _shaped(flat: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    return tf.ensure_shape(tf.reshape(flat, tf.shape(like)), like.shape)

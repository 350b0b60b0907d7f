"""The sum of gradients over processes, in few exchanges that hide behind the backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from trainer.distribution.processes.collectives import Collectives
from trainer.distribution.traffic import Traffic

BUCKET_BYTES = 4 * 2**20
"""Dense gradients leave in parts of about this size, each as soon as the backward pass made it."""


class GradientExchange:
    """Sums gradients over processes.

    Dense gradients leave in *buckets*, those of the last layers first, and with those of the first
    layers what is summed along. Of `tf.IndexedSlices` only the rows leave that any process has.
    Which ones these are is known before the forward pass, so that nobody waits for it.

    Args:
        collectives: between these processes.
        traffic: counts what is sent.
        wire: the type in which gradients are sent, and summed.
    """

    def __init__(self, collectives: Collectives, traffic: Traffic, wire: tf.DType):
        self._collectives, self._traffic, self._wire = collectives, traffic, wire

    def sum(self, gradients: list, sums: list[tf.Tensor]) -> tuple[list, list[tf.Tensor]]:
        """See `Distribution.sum_gradients`; `sums` keep their type on the wire."""
        sent = [*sums, *(_cast(gradient, self._wire) for gradient in gradients)]
        flat = tf.nest.flatten(sent, expand_composites=True)
        received = self._traffic.time(flat, lambda: self._exchange(sent))
        summed = [_cast(r, g.dtype) for r, g in zip(received, [*sums, *gradients], strict=True)]
        return summed[len(sums) :], summed[: len(sums)]

    def _exchange(self, tensors: list) -> list:
        """Each of `tensors` summed; the last ones leave first."""
        rows = [n for n, tensor in enumerate(tensors) if isinstance(tensor, tf.IndexedSlices)]
        dense = [n for n in reversed(range(len(tensors))) if n not in rows]
        summed: dict[int, Any] = {}
        for bucket in _buckets(dense, [tensors[n] for n in dense]):
            summed |= zip(bucket, self._sum([tensors[n] for n in bucket]), strict=True)
        if rows:
            summed |= zip(rows, self._sum_rows([tensors[n] for n in rows]), strict=True)
        return [summed[n] for n in range(len(tensors))]

    def _sum_rows(self, gradients: list[tf.IndexedSlices]) -> list[tf.IndexedSlices]:
        """Everyone's rows, by number: in the same order everywhere."""
        touched = self._touched_by_anyone(gradients)
        rows = [tf.where(of_kernel)[:, 0] for of_kernel in touched]
        values = []
        for slices, of_kernel, kernels_rows in zip(gradients, touched, rows, strict=True):
            places = tf.gather(tf.cumsum(tf.cast(of_kernel, tf.int32)) - 1, slices.indices)
            shape = tf.stack([tf.size(kernels_rows), slices.values.shape[1]])
            values.append(tf.scatter_nd(places[:, tf.newaxis], slices.values, shape))
        return [
            tf.IndexedSlices(value, kernels_rows, slices.dense_shape)
            for value, kernels_rows, slices in zip(self._sum(values), rows, gradients, strict=True)
        ]

    def _touched_by_anyone(self, gradients: list[tf.IndexedSlices]) -> list[tf.Tensor]:
        """For each kernel which rows have a gradient in any process, `[rows]` bool."""
        heights = [tf.cast(slices.dense_shape[:1], tf.int32) for slices in gradients]
        own = []
        for slices, height in zip(gradients, heights, strict=True):
            indices = tf.cast(slices.indices, tf.int32)
            own.append(tf.scatter_nd(indices[:, tf.newaxis], tf.ones_like(indices), height))
        sent = tf.cast(tf.concat(own, axis=0), self._collectives.flag_type)
        self._traffic.sent([sent])
        everyones = self._collectives.largest(sent)
        return tf.split(tf.cast(everyones, tf.bool), tf.concat(heights, axis=0))

    def _sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        self._traffic.sent(tensors)
        return self._collectives.sum(tensors)


def _cast(tensor: tf.Tensor | tf.IndexedSlices, dtype: tf.DType) -> tf.Tensor | tf.IndexedSlices:
    if isinstance(tensor, tf.IndexedSlices):
        values = tf.cast(tensor.values, dtype)
        return tf.IndexedSlices(values, tensor.indices, tensor.dense_shape)
    return tf.cast(tensor, dtype)


def _buckets(names: Sequence[int], tensors: Sequence[tf.Tensor]) -> list[list[int]]:
    """`names` in parts, whose tensors have one type and about `BUCKET_BYTES` together."""
    buckets: list[list[int]] = []
    room, dtype = 0, None
    for name, tensor in zip(names, tensors, strict=True):
        if room <= 0 or tensor.dtype != dtype:
            buckets.append([])
            room, dtype = BUCKET_BYTES, tensor.dtype
        buckets[-1].append(name)
        room -= tensor.shape.num_elements() * tensor.dtype.size
    return buckets

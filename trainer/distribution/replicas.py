"""How replicas exchange tensors in the middle of a step: sums and gathers, with gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from trainer.distribution.traffic import Traffic

COMPRESSIONS = ("none", "fp16")


class MirroredReplicas:
    """`Replicas` inside `MirroredStrategy.run`."""

    def __init__(self, count: int):
        self.count = count

    @property
    def index(self) -> tf.Tensor:
        return tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)

    def all_gather(self, tensor: tf.Tensor) -> tf.Tensor:
        return _gather_with_gradient(tensor, self._gather, self._sum, self.index)

    def all_reduce_sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return self._sum(tensors)

    def all_reduce_max(self, tensor: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(self._gather(tf.stop_gradient(tensor)[tf.newaxis]), axis=0)

    def sum_gradients(self, gradients: list) -> list:
        """Each gradient summed; `tf.IndexedSlices` (with unique rows) stay slices."""

        def rows(slices: tf.IndexedSlices) -> tf.IndexedSlices:
            rows, position = tf.unique(self._gather(slices.indices))
            return _merged(self._gather(slices.values), rows, position, slices)

        return _sum_dense_and_rows(gradients, self._sum, rows)

    @staticmethod
    def _gather(tensor: tf.Tensor) -> tf.Tensor:
        return tf.distribute.get_replica_context().all_gather(tensor, axis=0)

    @staticmethod
    def _sum(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)


class HorovodReplicas:
    """`Replicas` in a process started by `horovodrun`.

    Args:
        hvd: the module `horovod.tensorflow`, initialised.
        compression: `none`, or `fp16`: gradients cross the wire, and are summed on it, in 16 bits.
    """

    def __init__(self, hvd: Any, compression: str = "none"):
        self._hvd = hvd
        self._wire = tf.float16 if compression == "fp16" else tf.float32
        self.count = hvd.size()
        self.traffic = Traffic()

    @property
    def index(self) -> tf.Tensor:
        return tf.constant(self._hvd.rank(), tf.int32)

    def all_gather(self, tensor: tf.Tensor) -> tf.Tensor:
        return _gather_with_gradient(tensor, self._gather, self.all_reduce_sum, self.index)

    def all_reduce_sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return self.traffic.measure(tensors, lambda: self._sum(tensors))

    def all_reduce_max(self, tensor: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(self._gather(tf.stop_gradient(tensor)[tf.newaxis]), axis=0)

    def sum_gradients(self, gradients: list) -> list:
        """Each gradient summed; `tf.IndexedSlices` (with unique rows) stay slices."""
        flat = tf.nest.flatten(gradients, expand_composites=True)
        return self.traffic.time(
            flat, lambda: _sum_dense_and_rows(gradients, self._sum_dense, self._sum_rows)
        )

    def _gather(self, tensor: tf.Tensor) -> tf.Tensor:
        return self.traffic.measure([tensor], lambda: [self._hvd.allgather(tensor)])[0]

    def _sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return self._hvd.grouped_allreduce(tensors, op=self._hvd.Sum)

    def _sum_dense(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        for gradient in gradients:
            self.traffic.count(tf.size(gradient), self._wire.size)
        summed = self._sum([tf.cast(gradient, self._wire) for gradient in gradients])
        return [tf.cast(s, g.dtype) for s, g in zip(summed, gradients, strict=True)]

    def _sum_rows(self, slices: tf.IndexedSlices) -> tf.IndexedSlices:
        """Rows are sent as rows while that is cheaper than the whole kernel.

        A gather brings everybody's rows to everybody, a ring's sum each number twice. All processes
        know the same rows by then, and so decide alike.
        """
        everybodys = self._hvd.allgather(slices.indices)
        rows, position = tf.unique(everybodys)
        height, units = slices.dense_shape[0], slices.values.shape[1]
        as_rows = tf.size(everybodys) < 2 * tf.cast(height, tf.int32)
        own = tf.cast(slices.values, self._wire)
        self.traffic.count(tf.size(slices.indices), slices.indices.dtype.size)
        sent = tf.where(as_rows, tf.size(own), tf.cast(height, tf.int32) * units)
        self.traffic.count(sent, self._wire.size)

        def gathered() -> tf.Tensor:
            values = tf.cast(self._hvd.allgather(own), slices.values.dtype)
            return tf.math.unsorted_segment_sum(values, position, tf.size(rows))

        def densely() -> tf.Tensor:
            shape = tf.cast(tf.stack([height, units]), slices.indices.dtype)
            whole = tf.scatter_nd(slices.indices[:, tf.newaxis], own, shape)
            return tf.cast(tf.gather(self._sum([whole])[0], rows), slices.values.dtype)

        return tf.IndexedSlices(tf.cond(as_rows, gathered, densely), rows, slices.dense_shape)


def _gather_with_gradient(
    tensor: tf.Tensor,
    gather: Callable[[tf.Tensor], tf.Tensor],
    sum_all: Callable[[list[tf.Tensor]], list[tf.Tensor]],
    index: tf.Tensor,
) -> tf.Tensor:
    """Concatenate everyone's rows; going back, sum what everyone sends and keep the own rows."""
    rows = tf.shape(tensor)[0]

    @tf.custom_gradient
    def gathered(own: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def own_rows(gradient: tf.Tensor) -> tf.Tensor:
            return sum_all([tf.convert_to_tensor(gradient)])[0][index * rows : (index + 1) * rows]

        return gather(own), own_rows

    return gathered(tensor)


def _sum_dense_and_rows(
    gradients: list,
    sum_dense: Callable[[list[tf.Tensor]], list[tf.Tensor]],
    sum_rows: Callable[[tf.IndexedSlices], tf.IndexedSlices],
) -> list:
    """All dense gradients in one exchange, and each `tf.IndexedSlices` in its own."""
    dense = [g for g in gradients if not isinstance(g, tf.IndexedSlices)]
    summed = iter(sum_dense(dense) if dense else [])
    return [sum_rows(g) if isinstance(g, tf.IndexedSlices) else next(summed) for g in gradients]


def _merged(
    values: tf.Tensor, rows: tf.Tensor, position: tf.Tensor, like: tf.IndexedSlices
) -> tf.IndexedSlices:
    summed = tf.math.unsorted_segment_sum(values, position, tf.size(rows))
    return tf.IndexedSlices(summed, rows, like.dense_shape)

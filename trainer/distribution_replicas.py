"""How replicas exchange tensors in the middle of a step: sums and gathers, with gradients."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


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
        return _sum_all(tensors, self._gather, self._sum)

    def all_reduce_max(self, tensor: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(self._gather(tf.stop_gradient(tensor)[tf.newaxis]), axis=0)

    @staticmethod
    def _gather(tensor: tf.Tensor) -> tf.Tensor:
        return tf.distribute.get_replica_context().all_gather(tensor, axis=0)

    @staticmethod
    def _sum(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)


class HorovodReplicas:
    """`Replicas` in a process started by `horovodrun`."""

    def __init__(self, hvd: Any):
        self._hvd = hvd
        self.count = hvd.size()

    @property
    def index(self) -> tf.Tensor:
        return tf.constant(self._hvd.rank(), tf.int32)

    def all_gather(self, tensor: tf.Tensor) -> tf.Tensor:
        return _gather_with_gradient(tensor, self._hvd.allgather, self._sum, self.index)

    def all_reduce_sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return _sum_all(tensors, self._hvd.allgather, self._sum)

    def all_reduce_max(self, tensor: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(self._hvd.allgather(tf.stop_gradient(tensor)[tf.newaxis]), axis=0)

    def _sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return self._hvd.grouped_allreduce(tensors, op=self._hvd.Sum)


def _gather_with_gradient(tensor: tf.Tensor, gather, sum_all, index: tf.Tensor) -> tf.Tensor:
    """Concatenate everyone's rows; going back, sum what everyone sends and keep the own rows."""
    rows = tf.shape(tensor)[0]

    @tf.custom_gradient
    def gathered(own: tf.Tensor):
        def own_rows(gradient: tf.Tensor) -> tf.Tensor:
            return sum_all([tf.convert_to_tensor(gradient)])[0][index * rows : (index + 1) * rows]

        return gather(own), own_rows

    return gathered(tensor)


def _sum_all(tensors: list, gather, sum_dense) -> list:
    """Sum over replicas. `tf.IndexedSlices` stay slices: only the rows touched are exchanged."""
    dense = [t for t in tensors if not isinstance(t, tf.IndexedSlices)]
    summed = iter(sum_dense(dense) if dense else [])
    return [
        _sum_rows(t, gather) if isinstance(t, tf.IndexedSlices) else next(summed) for t in tensors
    ]


def _sum_rows(slices: tf.IndexedSlices, gather) -> tf.IndexedSlices:
    rows, position = tf.unique(gather(slices.indices))
    values = tf.math.unsorted_segment_sum(gather(slices.values), position, tf.size(rows))
    return tf.IndexedSlices(values, rows, slices.dense_shape)

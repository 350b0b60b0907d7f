"""How replicas exchange tensors in the middle of a step: sums and gathers, with gradients."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from trainer.distribution.gradient_exchange import GradientExchange
from trainer.distribution.packing import pack, unpack
from trainer.distribution.processes.collectives import Collectives
from trainer.distribution.traffic import Traffic

COMPRESSIONS = ("none", "fp16")


class MirroredReplicas:
    """`Replicas` inside `MirroredStrategy.run`."""

    def __init__(self, count: int):
        self.count = count

    @property
    def index(self) -> tf.Tensor:
        return tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)

    def all_gather(
        self, tensors: list[tf.Tensor], counts: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        return _gather_with_gradient(tensors, self._gather, self._sum, self.index, counts)

    def all_reduce_sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return self._sum(tensors)

    def all_reduce_max(self, tensor: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(self._gather(tf.stop_gradient(tensor)[tf.newaxis]), axis=0)

    def sum_gradients(self, gradients: list, sums: list[tf.Tensor]) -> tuple[list, list]:
        """See `Distribution.sum_gradients`."""
        dense = [g for g in gradients if not isinstance(g, tf.IndexedSlices)]
        summed = self._sum([*dense, *sums])
        of_dense, of_sums = iter(summed[: len(dense)]), summed[len(dense) :]
        return [
            self._sum_rows(g) if isinstance(g, tf.IndexedSlices) else next(of_dense)
            for g in gradients
        ], of_sums

    def _sum_rows(self, slices: tf.IndexedSlices) -> tf.IndexedSlices:
        rows, position = tf.unique(self._gather(slices.indices))
        values = self._gather(slices.values)
        summed = tf.math.unsorted_segment_sum(values, position, tf.size(rows))
        return tf.IndexedSlices(summed, rows, slices.dense_shape)

    @staticmethod
    def _gather(tensor: tf.Tensor) -> tf.Tensor:
        return tf.distribute.get_replica_context().all_gather(tensor, axis=0)

    @staticmethod
    def _sum(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)


class ProcessReplicas:
    """`Replicas` in one of several processes, each with one replica.

    Args:
        collectives: between these processes.
        compression: `none`, or `fp16`: gradients cross the wire, and are summed on it, in 16 bits.
    """

    def __init__(self, collectives: Collectives, compression: str = "none"):
        self._collectives = collectives
        self.count = collectives.size
        self.traffic = Traffic()
        wire = tf.float16 if compression == "fp16" else tf.float32
        self._gradients = GradientExchange(collectives, self.traffic, wire)

    @property
    def index(self) -> tf.Tensor:
        return tf.constant(self._collectives.rank, tf.int32)

    def all_gather(
        self, tensors: list[tf.Tensor], counts: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        def gather(tensor: tf.Tensor) -> tf.Tensor:
            return self._gather(tensor, counts)

        return _gather_with_gradient(tensors, gather, self.all_reduce_sum, self.index, counts)

    def all_reduce_sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return self.traffic.measure(tensors, lambda: self._collectives.sum(tensors))

    def all_reduce_max(self, tensor: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(self._gather(tf.stop_gradient(tensor)[tf.newaxis]), axis=0)

    def sum_gradients(self, gradients: list, sums: list[tf.Tensor]) -> tuple[list, list]:
        """See `Distribution.sum_gradients`."""
        return self._gradients.sum(gradients, sums)

    def _gather(self, tensor: tf.Tensor, counts: tf.Tensor | None = None) -> tf.Tensor:
        return self.traffic.measure([tensor], lambda: [self._collectives.gather(tensor, counts)])[0]


def _gather_with_gradient(
    tensors: list[tf.Tensor],
    gather: Callable[[tf.Tensor], tf.Tensor],
    sum_all: Callable[[list[tf.Tensor]], list[tf.Tensor]],
    index: tf.Tensor,
    counts: tf.Tensor | None,
) -> list[tf.Tensor]:
    """Concatenate everyone's rows; going back, sum what everyone sends and keep the own rows."""
    rows = tf.shape(tensors[0])[0]
    first = index * rows if counts is None else tf.reduce_sum(counts[:index])
    floats = [tensor for tensor in tensors if tensor.dtype.is_floating]

    @tf.custom_gradient
    def gathered(*own: tf.Tensor) -> tuple[list[tf.Tensor], Callable]:
        def own_rows(*gradients: tf.Tensor) -> list[tf.Tensor | None]:
            given = [g for g, of in zip(gradients, own, strict=True) if of.dtype.is_floating]
            (everyones,) = sum_all([pack([tf.cast(g, tf.float32) for g in given])])
            back = iter(unpack(everyones[first : first + rows], floats))
            return [next(back) if tensor.dtype.is_floating else None for tensor in own]

        return unpack(gather(pack(own)), own), own_rows

    return list(gathered(*tensors))

"""From plans to a stream of batches: gather, pad, prefetch, for this process' replicas only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from data_pipeline.batches.plans import PADDING, Plan

PREFETCHED_BATCHES = 4
ASSEMBLING_THREADS = 2


class BatchSource(Protocol):
    """What can be trained on: examples that have labels and come as batches.

    Attributes:
        labels: `[examples]` int32; what batches are balanced by.
        lengths: `[examples]` int32, the tokens or turns of each.
    """

    labels: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int: ...

    def batch(
        self, mine: np.ndarray, whole: np.ndarray, keys: Collection[str]
    ) -> Mapping[str, np.ndarray]:
        """One replica's batch.

        Args:
            mine: `[rows]` int64, the replica's examples, perhaps with `PADDING` at the end.
            whole: the examples of the global batch, without `PADDING`.
            keys: the tensors wanted; there may be others.
        """


class Batches(Protocol):
    """Batches in their order, such as a `tf.data.Dataset`."""

    @property
    def element_spec(self) -> Any:
        """The `tf.TensorSpec` of each tensor."""

    def __iter__(self) -> Iterator[Any]: ...


def rows_per_replica(batch_size: int, replicas: int) -> int:
    """How many rows of a global batch each replica holds; the last ones may be padding."""
    return -(-batch_size // replicas)


def make_dataset(
    source: BatchSource,
    plan_of: Callable[[int], Plan],
    signature: Mapping[str, tf.TensorSpec],
    context: tf.distribute.InputContext,
    *,
    epochs: range = range(1),
    first_step: int = 0,
) -> tf.data.Dataset:
    """The batches of one epoch after the other, for the replicas of one input pipeline.

    Each element is the batch of one replica: a process that feeds k replicas gets k elements per
    step, in replica order. Order and content depend on the plans alone, also with several threads.

    TensorFlow keeps what `plan_of` and `source` refer to until the process ends: make one of these,
    not one per epoch.

    Args:
        plan_of: the plan of an epoch; asked for each batch, by several threads.
        signature: the keys wanted and their shapes and dtypes (`DIET.training_signature()`).
        context: which of the input pipelines this is.
        first_step: of the first epoch.
    """
    replicas = context.num_replicas_in_sync
    local = replicas // context.num_input_pipelines
    first_replica = context.input_pipeline_id * local

    def bounds(epoch: np.ndarray) -> tuple[np.int64, np.int64]:
        first = first_step if epoch == epochs.start else 0
        return np.int64(first * local), np.int64(plan_of(int(epoch)).steps * local)

    def elements(epoch: tf.Tensor) -> tf.data.Dataset:
        first, last = tf.numpy_function(bounds, [epoch], [tf.int64, tf.int64], stateful=False)
        return tf.data.Dataset.range(first, last).map(lambda element: (epoch, element))

    def batch(epoch: np.ndarray, element: np.ndarray) -> list[np.ndarray]:
        plan = plan_of(int(epoch))
        rows = rows_per_replica(plan.batch_size, replicas)
        step, replica = divmod(int(element), local)
        whole = plan.indices[step]
        padded = np.append(whole, np.full(rows * replicas - len(whole), PADDING))
        mine = padded[(first_replica + replica) * rows :][:rows]
        made = source.batch(mine, whole[whole != PADDING], signature.keys())
        return [made[key].astype(spec.dtype.as_numpy_dtype) for key, spec in signature.items()]

    def tensors(epoch: tf.Tensor, element: tf.Tensor) -> dict[str, tf.Tensor]:
        dtypes = [spec.dtype for spec in signature.values()]
        values = tf.numpy_function(batch, [epoch, element], dtypes, stateful=False)
        named = zip(signature.items(), values, strict=True)
        return {key: tf.ensure_shape(value, spec.shape) for (key, spec), value in named}

    all_elements = tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(elements)
    return all_elements.map(
        tensors, num_parallel_calls=ASSEMBLING_THREADS, deterministic=True
    ).prefetch(PREFETCHED_BATCHES)

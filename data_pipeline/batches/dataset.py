"""From a plan to a stream of batches: gather, pad, prefetch, for this process' replicas only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
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
    """

    labels: np.ndarray

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
    plan: Plan,
    signature: Mapping[str, tf.TensorSpec],
    context: tf.distribute.InputContext,
    *,
    first_step: int = 0,
) -> tf.data.Dataset:
    """The batches of `plan` from `first_step` on, for the replicas of one input pipeline.

    Each element is the batch of one replica: a process that feeds k replicas gets k elements per
    step, in replica order. Order and content depend on the plan alone, also with several threads.

    Args:
        signature: the keys wanted and their shapes and dtypes (`DIET.training_signature()`).
        context: which of the input pipelines this is.
    """
    replicas = context.num_replicas_in_sync
    local = replicas // context.num_input_pipelines
    first_replica = context.input_pipeline_id * local
    rows = rows_per_replica(plan.batch_size, replicas)

    def batch(element: np.ndarray) -> list[np.ndarray]:
        step, replica = divmod(int(element), local)
        whole = plan.indices[step]
        padded = np.append(whole, np.full(rows * replicas - len(whole), PADDING))
        mine = padded[(first_replica + replica) * rows :][:rows]
        made = source.batch(mine, whole[whole != PADDING], signature.keys())
        return [made[key].astype(spec.dtype.as_numpy_dtype) for key, spec in signature.items()]

    def tensors(element: tf.Tensor) -> dict[str, tf.Tensor]:
        dtypes = [spec.dtype for spec in signature.values()]
        values = tf.numpy_function(batch, [element], dtypes, stateful=False)
        named = zip(signature.items(), values, strict=True)
        return {key: tf.ensure_shape(value, spec.shape) for (key, spec), value in named}

    elements = tf.data.Dataset.range(first_step * local, plan.steps * local)
    return elements.map(
        tensors, num_parallel_calls=ASSEMBLING_THREADS, deterministic=True
    ).prefetch(PREFETCHED_BATCHES)

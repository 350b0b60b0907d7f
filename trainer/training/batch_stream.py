"""The batches of all epochs from one iterator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import tensorflow as tf

from data_pipeline.batches.dataset import Batches, BatchSource, make_dataset
from data_pipeline.batches.plans import Plan
from model.batch import check_batch
from trainer.distribution.distribution import Distribution
from trainer.training.freed_memory import keep_freed_memory


class BatchStream:
    """This process' batches of one epoch after the other.

    One iterator serves all epochs: to make one takes mirrored devices a third of a second, and each
    leaves behind what TensorFlow traced for it. Nothing is made before the first use.

    Args:
        examples: to make batches of.
        plan_of: the plan of an epoch, see `make_dataset`.
        signature: the tensors wanted.
        first_step: of the first of `epochs`.
    """

    def __init__(
        self,
        distribution: Distribution,
        examples: BatchSource,
        plan_of: Callable[[int], Plan],
        signature: Mapping[str, tf.TensorSpec],
        *,
        epochs: range,
        first_step: int = 0,
    ):
        self._distribution = distribution
        self._examples = examples
        self.plan_of = plan_of
        self._signature = signature
        self._epochs, self._first_step = epochs, first_step

    def take(self, steps: int) -> Iterator[Any]:
        """The next so many batches, each fetched while the one before is in use.

        To ask for more than there are is an error.
        """
        if not steps:
            return
        with ThreadPoolExecutor(1, thread_name_prefix="next-batch") as fetching:
            fetched = fetching.submit(next, self._iterator)
            for _ in range(steps - 1):
                batch = fetched.result()
                fetched = fetching.submit(next, self._iterator)
                yield batch
            yield fetched.result()

    @property
    def element_spec(self) -> Any:
        """What the batches are."""
        return self._batches.element_spec

    @cached_property
    def _iterator(self) -> Iterator[Any]:
        iterator = iter(self._batches)
        # Once more: TensorFlow undoes it as mirrored devices make their first iterator, on Python
        # 3.11 (`ApplyPython311MemoryPatch` of its GeneratorDataset, once per process).
        keep_freed_memory()
        return iterator

    @cached_property
    def _batches(self) -> Batches:
        return self._distribution.dataset(self._dataset)

    def _dataset(self, context: tf.distribute.InputContext) -> tf.data.Dataset:
        made = make_dataset(
            self._examples,
            self.plan_of,
            self._signature,
            context,
            epochs=self._epochs,
            first_step=self._first_step,
        )
        check_batch(self._signature, made.element_spec)
        # Nobody asks for more batches than there are. Where data may end, mirrored devices ask of
        # each batch whether it is there: 14 ms in which nobody computes.
        return made.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))

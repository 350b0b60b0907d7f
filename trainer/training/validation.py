"""Evaluation while training: how good the model is on examples that it does not train on."""

from __future__ import annotations

import logging
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from data_pipeline.batches.dataset import BatchSource
from data_pipeline.batches.hold_out import ExampleSubset, hold_out
from data_pipeline.batches.plans import Plan, in_order_plan
from model.options.shared import SharedOptions
from trainer.distribution.distribution import Distribution
from trainer.training.batch_stream import BatchStream
from trainer.training.step import summed, term_means

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Validation:
    """What to evaluate on, and when.

    Attributes:
        examples: held out of training.
        every_epochs: evaluate after each epoch whose number (1-based) this divides.
        batch_size: global. Losses compare with the examples of the same batch, so it is part of
            what is measured; accuracy and F1 do not depend on it.
    """

    examples: BatchSource
    every_epochs: int
    batch_size: int

    def is_due(self, epoch: int) -> bool:
        """Whether to evaluate after `epoch` (0-based)."""
        return (epoch + 1) % self.every_epochs == 0


class EvaluationStep:
    """Evaluates `model` on one global batch per call, without noise.

    Args:
        model: has `evaluation_terms(batch, replicas)` and `training_signature()`.
    """

    def __init__(self, model: Any, distribution: Distribution):
        self._model = model
        self._distribution = distribution
        self._function: Callable | None = None
        self._streams: dict[tuple[int, int], BatchStream] = {}

    def measure(self, examples: BatchSource, batch_size: int) -> dict[str, float]:
        """The means over all `examples`; the same for any number of replicas.

        Returns:
            `loss`, `loss/…` and the metrics of `evaluation_terms`, every one the quotient of two
            sums over all examples.
        """
        plan = in_order_plan(len(examples), batch_size)
        key = id(examples), batch_size  # of examples that the stream keeps
        batches = self._streams.pop(key, None) or self._stream(examples, plan)
        if self._function is None:
            self._function = tf.function(
                lambda batch: self._distribution.run(self._on_one_replica, (batch,)),
                input_signature=[batches.element_spec],
                autograph=False,
            )
        sums: dict[str, float] = defaultdict(float)
        for batch in batches.take(plan.steps):
            for name, value in self._function(batch).items():
                sums[name] += float(value)
        self._streams = {key: batches}  # not before: an error would leave it in the middle
        return term_means(sums)

    def _stream(self, examples: BatchSource, plan: Plan) -> BatchStream:
        """All examples again and again."""
        signature = self._model.training_signature()
        for_ever = range(sys.maxsize)
        return BatchStream(self._distribution, examples, lambda _: plan, signature, epochs=for_ever)

    def _on_one_replica(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        replicas = self._distribution.replicas
        terms = self._model.evaluation_terms(batch, replicas)
        losses = {f"loss/{name}": term for name, term in terms.losses.items()}
        return summed({**losses, **terms.metrics}, replicas)


def split(
    store: BatchSource, options: SharedOptions, *, balanced: bool = True
) -> tuple[BatchSource, Validation | None]:
    """What to train on, and what to evaluate on if the options want that.

    Args:
        balanced: whether every label gets its share of what is held out.

    Raises:
        InputError: the number of examples does not fit the data.
    """
    held_out = options.evaluate_on_number_of_examples
    every = options.evaluate_every_number_of_epochs
    if not held_out:
        if options.checkpoint_model:
            logger.info(
                "checkpoint_model: nothing is held out (evaluate_on_number_of_examples is 0), so "
                "no model is the best one and the newest answers."
            )
        return store, None
    if every > options.epochs:
        logger.info(
            "evaluate_every_number_of_epochs is %d and there are %d epochs: the %d examples held "
            "out are neither trained nor evaluated on. -1 evaluates after the last epoch.",
            *(every, options.epochs, held_out),
        )
    chosen = hold_out(store.labels, held_out, options.seed, stratify=balanced)
    train, evaluated = (ExampleSubset(store, indices) for indices in chosen)
    size = options.batch_size
    return train, Validation(
        evaluated,
        every_epochs=options.epochs if every == -1 else every,
        batch_size=min(held_out, size if isinstance(size, int) else max(size)),
    )

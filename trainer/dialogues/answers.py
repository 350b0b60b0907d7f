"""What a trained model says to dialogues, in batches."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import keras
import numpy as np
import tensorflow as tf

from data_pipeline.batches.plans import PADDING, in_order_plan
from data_pipeline.dialogue.dialogue_store import DialogueStore

BATCH_EXAMPLES = 256


class DialogueAnswers:
    """Asks the model, `BATCH_EXAMPLES` examples at a time."""

    def __init__(self, model: keras.Model):
        self._model = model

    @cached_property
    def _function(self) -> Callable:
        """The model as a graph, traced once for dialogues of any number and length."""
        return tf.function(self._model, input_signature=[self._model.input_signature()])

    def __call__(self, store: DialogueStore, *names: str) -> list[np.ndarray]:
        """Those outputs of the model's `call` that have a row per example, for all examples."""
        parts = []
        for row in in_order_plan(len(store), BATCH_EXAMPLES).indices:
            outputs = self.of(store, row[row != PADDING])
            parts.append([outputs[name].numpy() for name in names])
        return [np.concatenate(of_output) for of_output in zip(*parts, strict=True)]

    def of(self, store: DialogueStore, indices: np.ndarray) -> dict[str, tf.Tensor]:
        """What the model says to these examples, as one batch."""
        signature = self._model.input_signature()
        made = store.batch(indices, indices, signature.keys())
        return self._function(
            {key: tf.constant(made[key], spec.dtype) for key, spec in signature.items()}
        )

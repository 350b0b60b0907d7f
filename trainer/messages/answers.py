"""What a trained model says to messages, in batches; and a ranking of labels, as Rasa's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from data_pipeline.batches.assembly import assemble, padded_length
from data_pipeline.batches.plans import PADDING, in_order_plan
from data_pipeline.messages.fitted_pipeline import FittedPipeline, store_messages
from data_pipeline.rasa_files.training_items import Message
from model.options.shared import SharedOptions
from trainer.messages.direct_intent import direct_intent
from trainer.roles import Understands

BATCH_MESSAGES = 128


class MessageAnswers:
    """Featurizes texts and asks the model, `BATCH_MESSAGES` at a time."""

    def __init__(self, pipeline: FittedPipeline, model: keras.Model):
        self._pipeline = pipeline
        self._model = model

    @cached_property
    def _function(self) -> Callable:
        """The model as a graph, traced once for texts of any number and length."""
        return tf.function(self._model, input_signature=[self._model.input_signature()])

    def __call__(self, texts: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        """For each text, in order, its rows of what the model's `call` returns."""
        if not texts:
            return
        store = store_messages(self._pipeline, [Message(text) for text in texts])
        signature = self._model.input_signature()
        for indices in in_order_plan(len(store), BATCH_MESSAGES).indices:
            indices = indices[indices != PADDING]
            made = assemble(store, indices, padded_length(store.lengths[indices]))
            outputs = self._function({key: tf.constant(made[key]) for key in signature})
            outputs = {name: value.numpy() for name, value in outputs.items()}
            for row in range(len(indices)):
                yield {name: value[row] for name, value in outputs.items()}


def ranked_labels(
    confidences: np.ndarray, names: Sequence[str], options: SharedOptions
) -> list[dict[str, Any]]:
    """The labels, best first, with `name` and `confidence`; of equals the later one first.

    Mirrors `rasa.utils.train_utils.rank_and_mask`.
    """
    length = options.ranking_length or len(confidences)
    order = np.argsort(confidences, kind="stable")[::-1][:length]
    kept = confidences[order]
    if options.renormalize_confidences and len(order) < len(confidences) and kept.sum() > 0:
        kept = kept / kept.sum()
    return [
        {"name": names[index], "confidence": float(confidence)}
        for index, confidence in zip(order, kept, strict=True)
    ]


def together(models: Iterable[Understands], texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What several models say to messages, a map for each; maps of the same name are joined.

    Where none of them tells an intent, there is what Rasa says then.
    """
    said = [model.answer(texts) for model in models]
    return map(_joined, zip(*said, strict=True))


def _joined(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for key, value in (item for answer in answers for item in answer.items()):
        if isinstance(value, dict) and key in joined:
            joined[key] = {**joined[key], **value}
        else:
            joined.setdefault(key, value)
    if "intent" in joined:
        return joined
    nothing = {"intent": {"name": None, "confidence": 0.0}, "entities": []}
    return (direct_intent(joined["text"]) or nothing) | joined

"""A trained DIET that answers: texts in, intents and entities out, in Rasa's form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from data_pipeline.batches.assembly import assemble, padded_length
from data_pipeline.batches.plans import PADDING, in_order_plan
from data_pipeline.entities.decoding import decode_entities
from data_pipeline.messages.fitted_pipeline import FittedPipeline, store_messages
from data_pipeline.rasa_files.training_items import Message, Token
from model.diet.diet import DIET
from trainer.checkpoints.checkpoint import answering_checkpoint, read_position
from trainer.diet.config import DIETConfig
from trainer.diet.making import make_diet
from trainer.records.run_directory import RunDirectory
from trainer.training.trained_weights import load_weights

BATCH_MESSAGES = 128
MESSAGES_AT_ONCE = 4096

# `/intent@0.9{"entity": "value"}`: what Rasa calls a message with an intent trigger prefix.
DIRECT_INTENT = re.compile(r"^/(?P<intent>[^{@]+)(@(?P<confidence>[0-9.]+))?(?P<entities>\{.+)?$")


@dataclass(frozen=True)
class TrainedDIET:
    """What a run of DIET came to: its newest checkpoint, or its best (`checkpoint_model`).

    Attributes:
        step: finished training steps of the checkpoint.
    """

    config: DIETConfig
    pipeline: FittedPipeline
    model: DIET
    step: int

    @classmethod
    def load(cls, directory: Path) -> TrainedDIET:
        """Load from a run directory.

        Raises:
            InputError: it is not one of DIET, or holds no usable checkpoint.
        """
        run = RunDirectory(directory)
        config, pipeline = run.load(DIETConfig)
        checkpoint = answering_checkpoint(run.checkpoints, best=config.diet.checkpoint_model)
        model = make_diet(config, pipeline, "float32")
        load_weights(model, checkpoint, config.diet.learning_rate)
        return cls(config, pipeline, model, read_position(checkpoint).step)

    @property
    def fitted(self) -> FittedPipeline:
        """What was learnt from the data before training."""
        return self.pipeline

    def answer(self, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
        """One answer per text, in order: `text`, `intent`, `entities`, `intent_ranking`.

        Mirrors what `rasa.core.agent.Agent.parse_message` returns.
        """
        waiting = iter(texts)
        while some := list(islice(waiting, MESSAGES_AT_ONCE)):
            understood = iter(self._understood([t for t in some if not direct_intent(t)]))
            for text in some:
                yield direct_intent(text) or next(understood)

    @cached_property
    def _function(self) -> tf.types.experimental.PolymorphicFunction:
        """The model as a graph, traced once for texts of any number and length."""
        return tf.function(self.model, input_signature=[self.model.input_signature()])

    def _understood(self, texts: list[str]) -> Iterator[dict[str, Any]]:
        if not texts:
            return
        store = store_messages(self.pipeline, [Message(text) for text in texts])
        signature = self.model.input_signature()
        for indices in in_order_plan(len(store), BATCH_MESSAGES).indices:
            indices = indices[indices != PADDING]
            made = assemble(store, indices, padded_length(store.lengths[indices]))
            outputs = self._function({key: tf.constant(made[key]) for key in signature})
            outputs = {name: value.numpy() for name, value in outputs.items()}
            for row, index in enumerate(indices):
                yield self._answer(texts[index], {k: v[row] for k, v in outputs.items()})

    def _answer(self, text: str, outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
        tokens = self.pipeline.tokenizer.tokenize(text)
        ranking = self._ranking(outputs.get("intent_confidences")) if tokens else []
        return {
            "text": text,
            "intent": ranking[0] if ranking else {"name": None, "confidence": 0.0},
            "entities": self._entities(text, tokens, outputs),
            "text_tokens": [[token.start, token.end] for token in tokens],
            "intent_ranking": ranking,
        }

    def _ranking(self, confidences: np.ndarray | None) -> list[dict[str, Any]]:
        """The intents, best first; of equals the later one first, as in Rasa."""
        if confidences is None:
            return []
        length = self.config.diet.ranking_length or len(confidences)
        order = np.argsort(confidences, kind="stable")[::-1][:length]
        kept = confidences[order]
        cut = len(order) < len(confidences)
        if self.config.diet.renormalize_confidences and cut and kept.sum() > 0:
            kept = kept / kept.sum()
        return [
            {"name": self.pipeline.labels[index], "confidence": float(confidence)}
            for index, confidence in zip(order, kept, strict=True)
        ]

    def _entities(
        self, text: str, tokens: Sequence[Token], outputs: Mapping[str, np.ndarray]
    ) -> list[dict]:
        heads = self.model.heads
        if not heads or not tokens:
            return []
        entities = decode_entities(
            text,
            tokens,
            {head: outputs[f"{head}_tags"][: len(tokens)] for head in heads},
            {head: outputs[f"{head}_confidences"][: len(tokens)] for head in heads},
            self.pipeline.tags,
            split_by_comma=self.config.diet.split_entities_by_comma,
        )
        return self.pipeline.synonyms.replace(entities) if self.config.maps_synonyms else entities


def direct_intent(text: str) -> dict[str, Any] | None:
    """The answer to `/intent@0.9{"entity": "value"}`, which no model is asked for; else None."""
    match = DIRECT_INTENT.match(text.strip())
    if match is None:
        return None
    try:
        given = json.loads(match["entities"] or "{}")
        confidence = float(match["confidence"] or 1.0)
    except ValueError:
        return None
    values = [(k, v) for k, vs in given.items() for v in (vs if isinstance(vs, list) else [vs])]
    start = match.start("entities") if match["entities"] else 0
    intent = {"name": match["intent"].strip(), "confidence": confidence}
    return {
        "text": text,
        "intent": intent,
        "entities": [
            {"entity": name, "start": start, "end": len(text), "value": value}
            for name, value in values
        ],
        "text_tokens": [],
        "intent_ranking": [intent],
    }

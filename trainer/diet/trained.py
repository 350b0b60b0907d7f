"""A trained DIET that answers: texts in, intents and entities out, in Rasa's form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.entities.decoding import decode_entities
from data_pipeline.entities.regex_extractor import RegexEntityExtractor
from data_pipeline.messages.fitted_pipeline import FittedPipeline
from data_pipeline.rasa_files.training_items import Token
from model.diet.diet import DIET
from trainer.checkpoints.checkpoint import answering_checkpoint, read_position
from trainer.diet.config import COMPONENT, DIETConfig, RegexExtractorPlace
from trainer.diet.making import make_diet
from trainer.messages.answers import MessageAnswers, ranked_labels
from trainer.messages.direct_intent import direct_intent
from trainer.records.run_directory import RunDirectory
from trainer.training.trained_weights import load_weights

MESSAGES_AT_ONCE = 4096


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

    def without_extractors(self) -> TrainedDIET:
        """The model alone."""
        return replace(self, config=replace(self.config, regex_extractors=()))

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
    def _outputs(self) -> MessageAnswers:
        return MessageAnswers(self.pipeline, self.model)

    def _understood(self, texts: list[str]) -> Iterator[dict[str, Any]]:
        for text, outputs in zip(texts, self._outputs(texts), strict=True):
            yield self._answer(text, outputs)

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
        if confidences is None:
            return []
        return ranked_labels(confidences, self.pipeline.labels, self.config.diet)

    def _entities(
        self, text: str, tokens: Sequence[Token], outputs: Mapping[str, np.ndarray]
    ) -> list[dict]:
        found = self._of_diet(text, tokens, outputs)
        before: list[dict] = []
        after: list[dict] = []
        for place, extractor in self._extractors:
            entities = self._mapped(extractor.extract(text), place.mapped)
            (before if place.before_diet else after).extend(entities)
        return [*before, *self._mapped(found, self.config.maps_synonyms), *after]

    def _mapped(self, entities: list[dict], mapped: bool) -> list[dict]:
        return self.pipeline.synonyms.replace(entities) if mapped else entities

    @cached_property
    def _extractors(self) -> list[tuple[RegexExtractorPlace, RegexEntityExtractor]]:
        patterns = self.pipeline.entity_patterns
        if patterns is None:
            return []
        places = self.config.regex_extractors
        return [(p, RegexEntityExtractor.from_options(patterns, p.options)) for p in places]

    def _of_diet(
        self, text: str, tokens: Sequence[Token], outputs: Mapping[str, np.ndarray]
    ) -> list[dict]:
        heads = self.model.heads
        if not heads or not tokens:
            return []
        return decode_entities(
            text,
            tokens,
            {head: outputs[f"{head}_tags"][: len(tokens)] for head in heads},
            {head: outputs[f"{head}_confidences"][: len(tokens)] for head in heads},
            self.pipeline.tags,
            extractor=COMPONENT,
            split_by_comma=self.config.diet.split_entities_by_comma,
        )

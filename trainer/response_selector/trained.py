"""A trained response selector that answers: texts in, responses out, in Rasa's form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.responses.fitted_responses import FittedResponses
from data_pipeline.responses.responses import UTTER
from model.response_selector.response_selector import ResponseSelector
from trainer.checkpoints.checkpoint import answering_checkpoint, read_position
from trainer.diet.trained import direct_intent
from trainer.message_answers import MessageAnswers, ranked_labels
from trainer.records.run_directory import RunDirectory
from trainer.response_selector.config import ResponseSelectorConfig
from trainer.response_selector.making import make_response_selector
from trainer.training.trained_weights import load_weights

PROPERTY = "response_selector"
"""What a message's answer calls what selectors say."""


@dataclass(frozen=True)
class TrainedResponseSelector:
    """What a run of a response selector came to: its newest checkpoint, or its best.

    Attributes:
        step: finished training steps of the checkpoint.
    """

    config: ResponseSelectorConfig
    fitted: FittedResponses
    model: ResponseSelector
    step: int

    @classmethod
    def load(cls, directory: Path) -> TrainedResponseSelector:
        """Load from a run directory.

        Raises:
            InputError: it is not one of a response selector, or holds no usable checkpoint.
        """
        run = RunDirectory(directory)
        config, fitted = run.load(ResponseSelectorConfig)
        options = config.response_selector
        checkpoint = answering_checkpoint(run.checkpoints, best=options.checkpoint_model)
        model = make_response_selector(config, fitted, "float32")
        load_weights(model, checkpoint, options.learning_rate)
        return cls(config, fitted, model, read_position(checkpoint).step)

    @property
    def selector(self) -> str:
        """What answers call this selector: its retrieval intent, or `default`."""
        return self.config.response_selector.selector

    def answer(self, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
        """One answer per text, in order: `text` and `response_selector`.

        Mirrors `ResponseSelector.process`. A text such as `/greet` has no response, since its
        intent does not come from the text.
        """
        asked = [text for text in texts if not direct_intent(text)]
        outputs = iter(self._outputs(asked))
        for text in texts:
            if direct_intent(text):
                yield {"text": text}
            else:
                yield {"text": text, PROPERTY: self._answer(text, next(outputs))}

    @cached_property
    def _outputs(self) -> MessageAnswers:
        return MessageAnswers(self.fitted.pipeline, self.model)

    def _answer(self, text: str, outputs: dict[str, np.ndarray]) -> dict[str, Any]:
        has_words = bool(self.fitted.pipeline.tokenizer.tokenize(text))
        ranking = self._ranking(outputs["response_confidences"]) if has_words else []
        best: dict[str, Any] = {"confidence": 0.0, "intent_response_key": None}
        best = ranking[0] if ranking else best
        key = best["intent_response_key"]
        response = {
            "responses": self.fitted.responses.of_key(key) if key else None,
            "confidence": best["confidence"],
            "intent_response_key": key,
            "utter_action": f"{UTTER}{key}",
        }
        return {
            "all_retrieval_intents": list(self.fitted.retrieval_intents),
            self.selector: {"response": response, "ranking": ranking},
        }

    def _ranking(self, confidences: np.ndarray) -> list[dict[str, Any]]:
        ranked = ranked_labels(confidences, self.fitted.labels, self.config.response_selector)
        key_of = self.fitted.responses.key_of
        return [
            {"confidence": label["confidence"], "intent_response_key": key_of(label["name"])}
            for label in ranked
        ]

"""A trained response selector that answers: texts in, responses out, in Rasa's form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.responses.fitted_responses import FittedResponses
from data_pipeline.responses.responses import UTTER
from model.response_selector.response_selector import ResponseSelector
from trainer.checkpoints.checkpoint import answering_checkpoint, read_position
from trainer.messages.answers import MessageAnswers, ranked_labels
from trainer.messages.direct_intent import direct_intent
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
                ranking = self._ranking(text, next(outputs))
                yield {"text": text, PROPERTY: selection(self.fitted, self.selector, ranking)}

    @cached_property
    def _outputs(self) -> MessageAnswers:
        return MessageAnswers(self.fitted.pipeline, self.model)

    def _ranking(self, text: str, outputs: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
        """All responses, best first, by their keys; none for a text without words."""
        if not self.fitted.pipeline.tokenizer.tokenize(text):
            return []
        confidences, options = outputs["response_confidences"], self.config.response_selector
        key_of = self.fitted.responses.key_of
        return [
            {"confidence": label["confidence"], "intent_response_key": key_of(label["name"])}
            for label in ranked_labels(confidences, self.fitted.labels, options)
        ]


def selection(
    fitted: FittedResponses, selector: str, ranking: list[dict[str, Any]]
) -> dict[str, Any]:
    """What a message's answer says under `response_selector`, given how responses are ranked."""
    nothing: dict[str, Any] = {"confidence": 0.0, "intent_response_key": None}
    best = ranking[0] if ranking else nothing
    key = best["intent_response_key"]
    response = {
        "responses": fitted.responses.of_key(key) if key else None,
        "confidence": best["confidence"],
        "intent_response_key": key,
        "utter_action": f"{UTTER}{key}",
    }
    return {
        "all_retrieval_intents": list(fitted.retrieval_intents),
        selector: {"response": response, "ranking": ranking},
    }

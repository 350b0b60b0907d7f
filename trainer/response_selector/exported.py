"""An exported response selector that answers, by its SavedModel and the responses beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from data_pipeline.responses.fitted_responses import FittedResponses
from trainer.messages.direct_intent import direct_intent
from trainer.messages.text_signature import ask_texts
from trainer.response_selector.answers_of_tensors import response_rankings
from trainer.response_selector.config import ResponseSelectorConfig
from trainer.response_selector.trained import PROPERTY, selection
from trainer.signatures.exported_model import ExportedModel
from trainer.signatures.served_model import DEFAULT


class ExportedResponseSelector:
    """Implements `Understands`.

    Raises:
        InputError: it takes no texts.
    """

    def __init__(self, exported: ExportedModel) -> None:
        self._signature = exported.signature(DEFAULT, "text")
        self._selector = ResponseSelectorConfig.from_json(exported.config).options.selector
        self._fitted = FittedResponses.load(exported.extra)

    def answer(self, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
        """As `TrainedResponseSelector.answer`."""
        asked = [text for text in texts if not direct_intent(text)]
        rankings = response_rankings(ask_texts(self._signature, asked))
        for text in texts:
            if direct_intent(text):
                yield {"text": text}
            else:
                selected = selection(self._fitted, self._selector, next(rankings))
                yield {"text": text, PROPERTY: selected}

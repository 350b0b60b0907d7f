"""An exported DIET that answers, by its SavedModel alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trainer.diet.answers_of_tensors import message_answers
from trainer.messages.direct_intent import direct_intent
from trainer.messages.text_signature import ask_texts
from trainer.signatures.exported_model import ExportedModel
from trainer.signatures.served_model import DEFAULT


class ExportedDIET:
    """Implements `Understands`.

    Raises:
        InputError: it takes no texts.
    """

    def __init__(self, exported: ExportedModel) -> None:
        self._signature = exported.signature(DEFAULT, "text")

    def answer(self, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
        """As `TrainedDIET.answer`."""
        asked = [text for text in texts if not direct_intent(text)]
        answers = message_answers(asked, ask_texts(self._signature, asked))
        for text in texts:
            yield direct_intent(text) or next(answers)

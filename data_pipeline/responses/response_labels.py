"""What the response selector is to tell from a message: a response, by its key or by its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from data_pipeline.rasa_files.intent_names import RESPONSE_DELIMITER
from data_pipeline.rasa_files.training_items import Message
from data_pipeline.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True)
class ByResponseKey:
    """Labels are keys such as `faq/ask_hours`. Implements `Labelling`.

    The vocabulary of keys is that of all retrieval intents, as in Rasa, whichever are learnt.

    Attributes:
        retrieval_intent: the intent whose responses are learnt; None = those of all.
    """

    plural: ClassVar[str] = "responses"

    retrieval_intent: str | None

    def named(self, message: Message) -> Message:
        return replace(message, intent=message.response_key)

    def label_of(self, message: Message) -> str | None:
        return message.response_key if is_learnt(message, self.retrieval_intent) else None

    def tokens(self, label: str, tokenizer: Tokenizer) -> Sequence[str]:
        words = tokenizer.label_tokens(label)
        return [part for word in words for part in word.split(RESPONSE_DELIMITER)]

    def other_texts(self) -> Sequence[str]:
        return ()

    def to_json(self) -> dict[str, Any]:
        return {"labels": "response keys", "retrieval_intent": self.retrieval_intent}


@dataclass(frozen=True)
class ByResponseText:
    """Labels are texts of responses; they have features of their own. Implements `Labelling`.

    Attributes:
        retrieval_intent: the intent whose responses are learnt; None = those of all.
        texts: response key -> the text that stands for it, of those keys that have a response.
    """

    plural: ClassVar[str] = "responses"

    retrieval_intent: str | None
    texts: Mapping[str, str]

    def named(self, message: Message) -> Message:
        return replace(message, intent=None)

    def label_of(self, message: Message) -> str | None:
        if not is_learnt(message, self.retrieval_intent):
            return None
        return self.texts.get(message.response_key or "")

    def tokens(self, label: str, tokenizer: Tokenizer) -> Sequence[str]:
        return ()

    def other_texts(self) -> Sequence[str]:
        return tuple(self.texts.values())

    def to_json(self) -> dict[str, Any]:
        texts = dict(sorted(self.texts.items()))
        return {
            "labels": "response texts",
            "retrieval_intent": self.retrieval_intent,
            "texts": texts,
        }


def is_learnt(message: Message, retrieval_intent: str | None) -> bool:
    """Whether the message is an example of a response of that intent, or (None) of any."""
    key = message.response_key
    if not key:
        return False
    return retrieval_intent in (None, key.partition(RESPONSE_DELIMITER)[0].strip())

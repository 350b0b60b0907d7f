"""What a model is to tell from a message: by default its intent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from data_pipeline.rasa_files.training_items import Message
from data_pipeline.tokenizers.tokenizer import Tokenizer


class Labelling(Protocol):
    """What messages are examples of: intents (here) or responses (`responses/response_labels.py`).

    Picklable, since messages are looked through in several processes.

    Attributes:
        plural: what the log calls the labels.
    """

    plural: ClassVar[str]

    def named(self, message: Message) -> Message:
        """The message, its `intent` being the name whose words featurizers are to know, if any."""

    def label_of(self, message: Message) -> str | None:
        """What a `named` message is an example of; None = only the vocabulary has its words."""

    def tokens(self, label: str, tokenizer: Tokenizer) -> Sequence[str]:
        """The words that a label looks like to the model; none = it is told apart by number."""

    def other_texts(self) -> Sequence[str]:
        """Texts of labels: a shared vocabulary (`use_shared_vocab`) has their words, too."""

    def to_json(self) -> dict[str, Any]:
        """What the fingerprint of a data set depends on."""


@dataclass(frozen=True)
class ByIntent:
    """Labels are intents. Implements `Labelling`."""

    plural: ClassVar[str] = "intents"

    def named(self, message: Message) -> Message:
        return message

    def label_of(self, message: Message) -> str | None:
        return message.intent

    def tokens(self, label: str, tokenizer: Tokenizer) -> Sequence[str]:
        return tokenizer.label_tokens(label)

    def other_texts(self) -> Sequence[str]:
        return ()

    def to_json(self) -> dict[str, Any]:
        return {}

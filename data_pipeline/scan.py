"""The first pass over the messages: what has to be known before any of them can be encoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_pipeline.errors import InputError
from data_pipeline.examples import Entity, LookupTable, Message, RegexPattern, Synonym
from data_pipeline.featurizer import Featurizer, TokenizedMessage
from data_pipeline.label_features import build_label_features
from data_pipeline.pipeline import FittedPipeline
from data_pipeline.tags import TagVocabulary
from data_pipeline.tokenizer import WhitespaceTokenizer

SHOWN_MISALIGNED = 3


@dataclass(frozen=True)
class Misaligned:
    """An annotated entity whose borders are not token borders."""

    message: Message
    entity: Entity

    def __str__(self) -> str:
        return f"{self.message.source}: {self.entity.value!r} in {self.message.text!r}"


@dataclass
class Scan:
    """What was seen in a chunk of messages, or, after `merge`, in all of them."""

    messages: int = 0
    tokens: Counter = field(default_factory=Counter)
    labels: Counter = field(default_factory=Counter)
    tag_statistics: list[Any] = field(default_factory=list)
    featurizer_statistics: list[list[Any]] = field(default_factory=list)
    misaligned: int = 0
    shown_misaligned: list[Misaligned] = field(default_factory=list)

    def merge(self, chunk: Scan) -> None:
        """Add what another chunk saw."""
        self.messages += chunk.messages
        self.tokens.update(chunk.tokens)
        self.labels.update(chunk.labels)
        self.tag_statistics += chunk.tag_statistics
        self.featurizer_statistics += chunk.featurizer_statistics
        self.misaligned += chunk.misaligned
        room = SHOWN_MISALIGNED - len(self.shown_misaligned)
        self.shown_misaligned += chunk.shown_misaligned[:room]

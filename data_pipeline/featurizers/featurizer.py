"""What every featurizer offers: features of a token's string, of its place, of the sentence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from scipy.sparse import csr_matrix

from data_pipeline.featurizers.dense_features import Pooling, TextVectors
from data_pipeline.rasa_files.training_items import Message, Token
from data_pipeline.tokenizers.tokenizer import Tokenizer


class TextRows(NamedTuple):
    """Sparse features of one text in which each token's depend on the others.

    Attributes:
        tokens: `[tokens, sequence_width]` float32, columns sorted.
        sentence: `[1, sentence_width]` float32.
    """

    tokens: csr_matrix
    sentence: csr_matrix


@dataclass(frozen=True, slots=True)
class TokenizedMessage:
    """A message and the tokens of its text."""

    message: Message
    tokens: tuple[Token, ...]


def tokenize(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[TokenizedMessage]:
    """The messages with their tokens; an empty text has none."""
    tokens = tokenizer.tokenize_all([message.text for message in messages])
    return [TokenizedMessage(m, found) for m, found in zip(messages, tokens, strict=True)]


Same = TypeVar("Same", bound="Featurizer")


class Featurizer(ABC):
    """Turns tokens into sparse rows, dense vectors, or both; what one lacks has width 0.

    A feature belongs to a token's string where it can, so that it is computed once per distinct
    token; the rest belongs to the token's place. The sparse row of a token is
    `token_rows([token.text])`, or of its lemma, plus 1 in each of its `place_columns`; its dense
    vector is `token_vectors([token.text])`. Only where a token's vector depends on the whole text,
    as a language model's does, it is in `text_vectors`; so are sparse rows in `text_rows`.

    Fitting takes three steps, so that it can be spread over processes: `observe` sums up a chunk of
    messages, `merge` adds such sums, `fit` learns from them. How the messages are chunked makes no
    difference.

    A subclass overrides what it has to offer.

    Attributes:
        name: the component's name in Rasa.
        alias: what a model's `featurizers:` option calls it.
        sequence_width: columns of a token row, known once fitted; 0 = no such features.
        sentence_width: columns of the sentence row.
        label_width: columns of the row of an intent name's token.
        sentence_sums_tokens: whether the sentence row is the sum of the token rows plus
            `sentence_extra`; otherwise it is `sentence_extra` alone.
        reads_lemmas: whether `token_rows` is about the lemmas of tokens rather than their texts.
        dense_width: length of a token's vector, known once fitted.
        shares_vocabulary: whether it has one vocabulary for texts and for whatever else has words.
        pooling: how the vectors of a text's tokens make one for the text.
        context_width: numbers per token in `text_vectors`, known once fitted.
        context_sentence_width: numbers per text there.
    """

    name: str
    alias: str
    sequence_width: int = 0
    sentence_width: int = 0
    label_width: int = 0
    sentence_sums_tokens: bool = False
    reads_lemmas: bool = False
    dense_width: int = 0
    pooling: Pooling = "mean"
    context_width: int = 0
    context_sentence_width: int = 0

    @property
    def shares_vocabulary(self) -> bool:
        """Whether all that has words has one vocabulary."""
        return False

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The options, JSON-able, in Rasa's names."""

    def source_files(self) -> list[Path]:
        """The files beside the training data that it learns from.

        Raises:
            InputError: one of them does not exist.
        """
        return []

    def observe(self, messages: Sequence[TokenizedMessage]) -> Any:
        """Picklable statistics of one chunk."""
        return None

    def merge(self, total: Any, more: Any) -> Any:
        """The statistics of two chunks as one; what `total` holds may be changed for that."""
        return None

    @abstractmethod
    def continue_from(self: Same, earlier: Same) -> None:
        """Takes over what an earlier fit with the same options learnt, so that `fit` adds to it."""

    @abstractmethod
    def fit(self, statistics: Iterable[Any]) -> None:
        """Learns from the statistics of all chunks, in whatever order."""

    def column_keys(self) -> list[Hashable]:
        """What each column of a token row stands for; stays the same when `fit` adds columns."""
        return []

    def token_rows(self, tokens: Sequence[str]) -> csr_matrix:
        """`[tokens, sequence_width]` float32: what follows from the string alone."""
        return csr_matrix((len(tokens), self.sequence_width), dtype=np.float32)

    def place_columns(self, message: TokenizedMessage) -> list[tuple[int, ...]]:
        """Per token the sorted columns whose value is 1 because of where the token stands."""
        return [()] * len(message.tokens)

    def sentence_extra(self, message: TokenizedMessage) -> dict[int, float]:
        """Columns and values of the sentence row beyond the sum of the token rows."""
        return {}

    def label_rows(self, tokens: Sequence[str]) -> csr_matrix:
        """`[tokens, label_width]` float32: features of the tokens of an intent name."""
        return csr_matrix((len(tokens), self.label_width), dtype=np.float32)

    def token_vectors(self, tokens: Sequence[str]) -> np.ndarray:
        """`[tokens, dense_width]` float32; all zeros for an unknown token."""
        return np.zeros((len(tokens), self.dense_width), np.float32)

    def text_rows(self, messages: Sequence[TokenizedMessage]) -> list[TextRows] | None:
        """Per message what comes on top of all other sparse features; None = nothing."""
        return None

    def text_vectors(self, messages: Sequence[TokenizedMessage]) -> list[TextVectors]:
        """Per message `[tokens, context_width]` and `[context_sentence_width]`."""
        return [
            TextVectors(
                np.zeros((len(message.tokens), self.context_width), np.float32),
                np.zeros(self.context_sentence_width, np.float32),
            )
            for message in messages
        ]

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What `fit` learnt, JSON-able, but for `arrays`."""

    def arrays(self) -> dict[str, np.ndarray]:
        """The part of what `fit` learnt that is too large for JSON, by name."""
        return {}

    @classmethod
    @abstractmethod
    def restore(cls, options: Mapping[str, Any], state: Mapping[str, Any]) -> Featurizer:
        """The fitted featurizer again. `state` holds `state` and `arrays`; these may be on disk."""


def rows_of(counts: Sequence[Mapping[int, float]], width: int) -> csr_matrix:
    """`[len(counts), width]` float32 with one row per map of column -> value, columns sorted."""
    indices = np.array([column for row in counts for column in sorted(row)], np.int32)
    values = np.array([row[column] for row in counts for column in sorted(row)], np.float32)
    starts = np.cumsum([0, *(len(row) for row in counts)], dtype=np.int64)
    return csr_matrix((values, indices, starts), shape=(len(counts), width))

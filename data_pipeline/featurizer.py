"""What every featurizer offers: features of a token's string, of its place, and of the sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_matrix

from data_pipeline.examples import Message, Token


@dataclass(frozen=True, slots=True)
class TokenizedMessage:
    """A message and the tokens of its text."""

    message: Message
    tokens: tuple[Token, ...]


class Featurizer(Protocol):
    """Turns tokens into sparse rows.

    A feature belongs to a token's string where it can, so that it is computed once per distinct
    token; the rest belongs to the token's place. The row of a token is
    `token_rows([token.text])` plus 1 in each of its `place_columns`.

    Fitting takes two steps, so that it can be spread over processes: `observe` sums up a chunk of
    messages, `fit` merges these sums. How the messages are chunked makes no difference.

    Attributes:
        name: the component's name in Rasa.
        alias: what a model's `featurizers:` option calls it.
        sequence_width: columns of a token row, known once fitted; 0 = no such features.
        sentence_width: columns of the sentence row.
        label_width: columns of the row of an intent name's token.
        sentence_sums_tokens: whether the sentence row is the sum of the token rows plus
            `sentence_extra`; otherwise it is `sentence_extra` alone.
    """

    name: str
    alias: str
    sequence_width: int
    sentence_width: int
    label_width: int
    sentence_sums_tokens: bool

    def options(self) -> dict[str, Any]:
        """The options, JSON-able, in Rasa's names."""

    def observe(self, messages: Sequence[TokenizedMessage]) -> Any:
        """Picklable statistics of one chunk."""

    def fit(self, statistics: Iterable[Any]) -> None:
        """Learns from the statistics of all chunks, in whatever order."""

    def token_rows(self, tokens: Sequence[str]) -> csr_matrix:
        """`[tokens, sequence_width]` float32: what follows from the string alone."""

    def place_columns(self, message: TokenizedMessage) -> list[tuple[int, ...]]:
        """Per token the sorted columns whose value is 1 because of where the token stands."""

    def sentence_extra(self, message: TokenizedMessage) -> dict[int, float]:
        """Columns and values of the sentence row beyond the sum of the token rows."""

    def label_rows(self, tokens: Sequence[str]) -> csr_matrix:
        """`[tokens, label_width]` float32: features of the tokens of an intent name."""

    def state(self) -> dict[str, Any]:
        """All that `fit` learnt, JSON-able."""

    @classmethod
    def restore(cls, options: Mapping[str, Any], state: Mapping[str, Any]) -> Featurizer:
        """The fitted featurizer again."""


def rows_of(counts: Sequence[Mapping[int, float]], width: int) -> csr_matrix:
    """`[len(counts), width]` float32 with one row per map of column -> value, columns sorted."""
    indices = np.array([column for row in counts for column in sorted(row)], np.int32)
    values = np.array([row[column] for row in counts for column in sorted(row)], np.float32)
    starts = np.cumsum([0, *(len(row) for row in counts)], dtype=np.int64)
    return csr_matrix((values, indices, starts), shape=(len(counts), width))

"""Examples as arrays: a table of features per token type and per place, and short lists of ids.

A feature that follows from a token's string is stored once per distinct token ("type"); what
depends on the place (neighbouring words, regex matches) once per distinct combination ("place
row"). An example is then a list of type ids and a list of place ids, a label and tags: a million
messages fit in a few hundred megabytes, and nearly all of it can stay on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from data_pipeline.featurizers.dense_features import DenseBlock


@dataclass(frozen=True)
class FeatureTables:
    """What token types and places look like to the model.

    Attributes:
        token_rows: `[types, sequence_width]` float32.
        place_rows: `[places, sequence_width]` float32; its columns are disjoint from `token_rows`'.
        token_vectors: `[types, dense_width]` float32; all zeros where a featurizer lacks the token.
        token_identity: `[types]` int64, equal for types with equal vectors if there are dense
            features, otherwise for types with equal `token_rows`.
        sentence_column: `[sequence_width]` int64: the sentence column that sums this sequence
            column over an example's tokens, or -1.
        sentence_width: columns of the sentence features; 0 = there are none.
        dense_blocks: whose columns those of `token_vectors` are, from left to right.
    """

    token_rows: csr_matrix
    place_rows: csr_matrix
    token_vectors: np.ndarray
    token_identity: np.ndarray
    sentence_column: np.ndarray
    sentence_width: int
    dense_blocks: tuple[DenseBlock, ...]

    @property
    def dense_width(self) -> int:
        return self.token_vectors.shape[1]

    @property
    def sequence_width(self) -> int:
        return self.token_rows.shape[1]


@dataclass(frozen=True)
class Context:
    """Dense features that depend on the whole text: they are stored per token, not per type.

    Attributes:
        tokens: `[tokens, width]` float32.
        sentences: `[examples, sentence_width]` float32.
    """

    tokens: np.ndarray
    sentences: np.ndarray


@dataclass(frozen=True)
class Examples:
    """Consecutive examples, their tokens one after the other. Arrays may be memory-mapped.

    Attributes:
        lengths: `[examples]` int32, tokens per example.
        token_types, token_places: `[tokens]` int32, rows of the feature tables.
        labels: `[examples]` int32, -1 = has none.
        tags: head -> `[tokens]` int32.
        extra_counts: `[examples]` int32, how many of the next two belong to each example.
        extra_columns, extra_values: `[extras]` int32, float32: what an example's sentence row has
            beyond the sum of its tokens' rows.
        context: what a language model makes of the texts; None = there is none.
    """

    lengths: np.ndarray
    token_types: np.ndarray
    token_places: np.ndarray
    labels: np.ndarray
    tags: dict[str, np.ndarray]
    extra_counts: np.ndarray
    extra_columns: np.ndarray
    extra_values: np.ndarray
    context: Context | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def starts(self) -> np.ndarray:
        """`[examples]` int64: where each example's tokens begin."""
        return np.cumsum(self.lengths, dtype=np.int64) - self.lengths

    @cached_property
    def extra_starts(self) -> np.ndarray:
        """`[examples]` int64: where each example's sentence extras begin."""
        return np.cumsum(self.extra_counts, dtype=np.int64) - self.extra_counts

    def take(self, rows: np.ndarray) -> Examples:
        """The examples at `rows`, in that order, copied out of any memory map."""
        lengths = np.asarray(self.lengths[rows])
        tokens = ranges(self.starts[rows], lengths)
        extra_counts = np.asarray(self.extra_counts[rows])
        extras = ranges(self.extra_starts[rows], extra_counts)
        return Examples(
            lengths=lengths,
            token_types=np.asarray(self.token_types[tokens]),
            token_places=np.asarray(self.token_places[tokens]),
            labels=np.asarray(self.labels[rows]),
            tags={head: np.asarray(tags[tokens]) for head, tags in self.tags.items()},
            extra_counts=extra_counts,
            extra_columns=np.asarray(self.extra_columns[extras]),
            extra_values=np.asarray(self.extra_values[extras]),
            context=self.context
            and Context(
                np.asarray(self.context.tokens[tokens]), np.asarray(self.context.sentences[rows])
            ),
        )

    def with_places(self, new_ids: Sequence[int]) -> Examples:
        """The same examples, place id i having become `new_ids[i]`."""
        places = np.asarray(new_ids, np.int32)[self.token_places]
        return replace(self, token_places=places)


def join(parts: Sequence[Examples]) -> Examples:
    """The examples of all parts, one part after the other."""
    if len(parts) == 1:
        return parts[0]

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    names = ("lengths", "token_types", "token_places", "labels")
    extras = ("extra_counts", "extra_columns", "extra_values")
    heads = parts[0].tags
    contexts = [part.context for part in parts if part.context]
    context = contexts and Context(
        np.concatenate([context.tokens for context in contexts]),
        np.concatenate([context.sentences for context in contexts]),
    )
    return Examples(
        tags={head: np.concatenate([part.tags[head] for part in parts]) for head in heads},
        context=context or None,
        **{name: joined(name) for name in names + extras},
    )


def ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`[start, start + length)` of every pair, one after the other.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(lengths, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(np.asarray(starts) - (ends - lengths), lengths) + np.arange(total)

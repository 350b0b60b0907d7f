"""Dense features: vectors of tokens, and how they make one vector for the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

Pooling = Literal["mean", "max"]


class DenseBlock(NamedTuple):
    """The dense columns of one featurizer: how many, and how they are pooled."""

    width: int
    pooling: Pooling


class TextVectors(NamedTuple):
    """Dense features of one text in which each token's depend on the others.

    Attributes:
        tokens: `[tokens, units]` float32.
        sentence: `[sentence units]` float32.
    """

    tokens: np.ndarray
    sentence: np.ndarray


def pool(vectors: np.ndarray, blocks: Sequence[DenseBlock]) -> np.ndarray:
    """One vector per text, each block of columns pooled on its own.

    A token that is unknown to a block is all zeros in it and does not count; a text without any
    known token gets zeros. Mirrors `SpacyFeaturizer._calculate_sentence_features` of Rasa.

    Args:
        vectors: `[texts, positions, width]` float32, zeros at padding.
        blocks: their widths add up to `width`.

    Returns:
        `[texts, width]` float32.

    >>> pool(np.array([[[1.0, -4.0], [0.0, 0.0]]]), [DenseBlock(2, "max")]).tolist()
    [[1.0, -4.0]]
    """
    pooled = np.zeros((len(vectors), vectors.shape[2]), vectors.dtype)
    start = 0
    for width, pooling in blocks:
        columns = slice(start, start + width)
        pooled[:, columns] = _pool_block(vectors[:, :, columns], pooling)
        start += width
    return pooled


def _pool_block(vectors: np.ndarray, pooling: Pooling) -> np.ndarray:
    known = np.any(vectors, axis=2)
    if pooling == "mean":
        # Zeros add nothing, so only the divisor has to know which tokens count.
        return vectors.sum(axis=1) / np.maximum(known.sum(axis=1, dtype=vectors.dtype), 1)[:, None]
    highest = vectors.max(axis=1, initial=-np.inf, where=known[:, :, None])
    return np.where(np.any(known, axis=1)[:, None], highest, 0)

"""Numbers that are equal for equal things: tokens, places, rows, vectors."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix


def row_identity(rows: csr_matrix) -> np.ndarray:
    """`[rows]` int64 numbers that are equal for equal rows (columns must be sorted)."""
    identity = IdAssigner()
    parts = (slice(start, end) for start, end in pairwise(rows.indptr))
    keys = (rows.indices[part].tobytes() + rows.data[part].tobytes() for part in parts)
    return np.fromiter(map(identity, keys), np.int64, rows.shape[0])


def vector_identity(vectors: np.ndarray) -> np.ndarray:
    """`[rows]` int64 numbers that are equal for equal vectors."""
    identity = IdAssigner()
    # Digests, since the bytes of all vectors would be held at once; + 0 makes -0 equal to 0.
    keys = (hashlib.blake2b((row + 0).tobytes(), digest_size=16).digest() for row in vectors)
    return np.fromiter(map(identity, keys), np.int64, len(vectors))


class IdAssigner:
    """Gives each new key the next number, so that ids follow the order of first appearance."""

    def __init__(self) -> None:
        self.ids: dict[Any, int] = {}

    def __call__(self, key: Any) -> int:
        return self.ids.setdefault(key, len(self.ids))

    def keys(self) -> list[Any]:
        return list(self.ids)

"""Places: the sparse features of a token that do not follow from its string alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, vstack

from data_pipeline.featurizers.featurizer import TextRows


class Place(NamedTuple):
    """Columns of a token's sparse row, and their values; no values = all are 1."""

    columns: tuple[int, ...]
    values: tuple[float, ...] = ()


def with_rows(places: Sequence[Place], rows: Sequence[TextRows], first: int) -> list[Place]:
    """Adds to the place of each token its row, whose columns begin at `first`."""
    if not rows:
        return list(places)
    stacked = csr_matrix(vstack([of_text.tokens for of_text in rows]))
    made = []
    for number, place in enumerate(places):
        cells = slice(*stacked.indptr[number : number + 2])
        columns = (stacked.indices[cells] + first).tolist()
        if columns:
            before = place.values or (1.0,) * len(place.columns)
            values = (*before, *stacked.data[cells].tolist())
            place = Place((*place.columns, *columns), values)
        made.append(place)
    return made


def place_matrix(places: Sequence[Place], width: int) -> csr_matrix:
    """`[places, width]` float32."""
    counts = [len(place.columns) for place in places]
    columns = np.array([column for place in places for column in place.columns], np.int32)
    values = np.ones(len(columns), np.float32)
    for place, end in zip(places, np.cumsum(counts, dtype=np.int64), strict=True):
        if place.values:
            values[end - len(place.columns) : end] = place.values
    return csr_matrix((values, columns, np.cumsum([0, *counts])), shape=(len(places), width))

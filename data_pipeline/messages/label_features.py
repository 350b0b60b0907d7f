"""What each intent looks like to the model: the words of its name, or just its number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.sparse import hstack

from data_pipeline.featurizers.featurizer import Featurizer


@dataclass(frozen=True)
class LabelFeatures:
    """Sparse rows of every label, in label order.

    Attributes:
        width: columns of a row.
        one_hot: True if the rows only number the labels (`label.sentence` in Rasa); otherwise there
            is one row per token of the name (`label.sequence`).
        columns: per label, per token, the sorted columns that are not 0.
        values: their values.
    """

    width: int
    one_hot: bool
    columns: tuple[tuple[tuple[int, ...], ...], ...]
    values: tuple[tuple[tuple[float, ...], ...], ...]

    def pairs(self) -> tuple[tuple[tuple[tuple[int, float], ...], ...], ...]:
        """Per label and token, the (column, value) pairs."""
        return tuple(
            tuple(tuple(zip(c, v, strict=True)) for c, v in zip(columns, values, strict=True))
            for columns, values in zip(self.columns, self.values, strict=True)
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> LabelFeatures:
        """What `to_json` gave, also after a round trip through a file."""
        nested = {
            key: tuple(tuple(tuple(row) for row in label) for label in saved[key])
            for key in ("columns", "values")
        }
        return cls(width=saved["width"], one_hot=saved["one_hot"], **nested)


def build_label_features(
    labels: Sequence[str],
    featurizers: Sequence[Featurizer],
    split_label: Callable[[str], Sequence[str]],
) -> LabelFeatures:
    """Features of the labels, from fitted featurizers.

    Mirrors `DIETClassifier._extract_labels_features` and `_use_default_label_features`: where a
    featurizer knows the words of intent names, each token of a name has its row; else labels are
    one-hot.

    Args:
        labels: sorted intent names.
        featurizers: those whose features the model uses.
        split_label: `Tokenizer.label_tokens`.
    """
    of_names = [featurizer for featurizer in featurizers if featurizer.label_width]
    tokens = [split_label(label) for label in labels]
    if not of_names or not all(tokens):
        identity = range(len(labels))
        return LabelFeatures(
            width=len(labels),
            one_hot=True,
            columns=tuple(((index,),) for index in identity),
            values=tuple(((1.0,),) for _ in identity),
        )
    columns, values = [], []
    for label_tokens in tokens:
        rows = hstack([f.label_rows(label_tokens) for f in of_names], format="csr")
        starts = rows.indptr[1:-1]
        columns.append(tuple(tuple(row.tolist()) for row in np.split(rows.indices, starts)))
        values.append(tuple(tuple(row.tolist()) for row in np.split(rows.data, starts)))
    width = sum(featurizer.label_width for featurizer in of_names)
    return LabelFeatures(width, False, tuple(columns), tuple(values))

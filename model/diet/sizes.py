"""What DIET must know of the data before it can be built."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from model.layers.feature_widths import FeatureWidths

HEADS = ("entity", "role", "group")

# Of one token: (column, value) pairs. Of one label: its tokens.
TokenFeatures = tuple[tuple[int, float], ...]
LabelFeatures = tuple[TokenFeatures, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DIETSizes:
    """Widths and counts of the data, and the features of all labels.

    Attributes:
        text_sequence_width: Columns of the tokens' sparse features.
        text_sentence_width: Columns of the texts' sparse features; 0 = there are none.
        text_sequence_dense_width, text_sentence_dense_width: The same of dense features.
        label_token_features: Per label and per token of its name, the sparse features.
        label_width: Columns of these; with `label_one_hot`, the number of labels.
        label_one_hot: Whether labels are told apart by number only. There are no
            `label_token_features` then.
        num_tags: Tags per head ("entity", "role", "group"), for the heads that exist.

    Raises:
        ValueError: The sizes do not fit together.

    >>> DIETSizes(text_sequence_width=9, label_width=3, label_one_hot=True).num_labels
    3
    """

    text_sequence_width: int
    text_sentence_width: int = 0
    text_sequence_dense_width: int = 0
    text_sentence_dense_width: int = 0
    label_token_features: tuple[LabelFeatures, ...] = ()
    label_width: int = 0
    label_one_hot: bool = False
    num_tags: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [head for head in self.num_tags if head not in HEADS]
        if unknown or (self.num_tags and "entity" not in self.num_tags):
            raise ValueError(
                "`num_tags` may name entity and, beside it, role and group. "
                f"Received: {dict(self.num_tags)}"
            )
        if self.label_one_hot and self.label_token_features:
            raise ValueError("One-hot labels have no `label_token_features`.")
        columns = [c for label in self.label_token_features for token in label for c, _ in token]
        if columns and not 0 <= min(columns) <= max(columns) < self.label_width:
            raise ValueError(
                f"`label_token_features` has columns from {min(columns)} to {max(columns)}, which "
                f"`label_width` does not allow. Received: label_width={self.label_width}"
            )

    @property
    def num_labels(self) -> int:
        """How many labels there are."""
        return self.label_width if self.label_one_hot else len(self.label_token_features)

    @property
    def text_widths(self) -> FeatureWidths:
        """The widths of the texts' features."""
        return FeatureWidths(
            sequence=self.text_sequence_width,
            sentence=self.text_sentence_width,
            sequence_dense=self.text_sequence_dense_width,
            sentence_dense=self.text_sentence_dense_width,
        )

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads that exist, in the order entity, role, group."""
        return tuple(head for head in HEADS if head in self.num_tags)

    def to_json(self) -> dict[str, Any]:
        """Plain lists, maps and numbers."""
        features = [[[list(p) for p in t] for t in label] for label in self.label_token_features]
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**plain, "label_token_features": features, "num_tags": dict(self.num_tags)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> DIETSizes:
        """The inverse of `to_json`."""
        features = tuple(
            tuple(tuple((int(c), float(v)) for c, v in token) for token in label)
            for label in plain["label_token_features"]
        )
        return cls(**{**plain, "label_token_features": features})

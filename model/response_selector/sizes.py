"""What the response selector must know of the data before it can be built."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from model.diet.sizes import LabelFeatures
from model.layers.feature_widths import FeatureWidths


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResponseSelectorSizes:
    """Widths of the data, and the features of all labels: of response keys or of response texts.

    Attributes:
        text: Widths of the messages' features.
        num_labels: How many responses there are to choose from.
        key_features: By key: per label and per token of it, the sparse features. Empty = labels are
            told apart by number only, or by text.
        key_width: Columns of these.
        response: By text: widths of the responses' features.
        response_features: By text: the text tensors of `model.batch`, as arrays, a row per label.

    Raises:
        ValueError: The sizes do not fit together.

    >>> text = FeatureWidths(sequence=9, sentence=9)
    >>> ResponseSelectorSizes(text=text, num_labels=3).by_text
    False
    """

    text: FeatureWidths
    num_labels: int
    key_features: tuple[LabelFeatures, ...] = ()
    key_width: int = 0
    response: FeatureWidths | None = None
    response_features: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.num_labels < 2:
            raise ValueError(f"There must be at least 2 responses. Received: {self.num_labels}")
        if self.by_text and self.key_features:
            raise ValueError("Labels have either `key_features` or `response_features`.")
        expected = set(self.response.text_spec("text")) if self.response else set()
        if set(self.response_features) != expected:
            raise ValueError(
                f"`response_features` must hold {sorted(expected)}. "
                f"Received: {sorted(self.response_features)}"
            )
        known = len(self.response_features["text_mask"] if self.by_text else self.key_features)
        if known not in (0, self.num_labels):
            raise ValueError(f"There are features of {known} labels, but {self.num_labels} labels.")

    @property
    def by_text(self) -> bool:
        """Whether labels are texts of responses (`use_text_as_label`)."""
        return self.response is not None

    def to_json(self) -> dict[str, Any]:
        """Plain lists, maps and numbers."""
        keys = [[[list(p) for p in t] for t in label] for label in self.key_features]
        return {
            "text": dataclasses.asdict(self.text),
            "num_labels": self.num_labels,
            "key_features": keys,
            "key_width": self.key_width,
            "response": dataclasses.asdict(self.response) if self.response else None,
            "response_features": {
                key: np.asarray(value).tolist() for key, value in self.response_features.items()
            },
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> ResponseSelectorSizes:
        """The inverse of `to_json`."""
        response = FeatureWidths(**plain["response"]) if plain["response"] else None
        specs = response.text_spec("text") if response else {}
        return cls(
            text=FeatureWidths(**plain["text"]),
            num_labels=plain["num_labels"],
            key_features=tuple(
                tuple(tuple((int(c), float(v)) for c, v in token) for token in label)
                for label in plain["key_features"]
            ),
            key_width=plain["key_width"],
            response=response,
            response_features={
                key: _array(plain["response_features"][key], spec) for key, spec in specs.items()
            },
        )


def _array(values: list, spec: tf.TensorSpec) -> np.ndarray:
    array = np.array(values, spec.dtype.as_numpy_dtype)
    # An empty list does not tell how many columns it has.
    return array.reshape([-1, 2]) if spec.shape.as_list()[1:] == [2] else array

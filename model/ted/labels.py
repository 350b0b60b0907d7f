"""What a model of dialogues chooses from: actions, or intents."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from model.batch import Batch
from model.layers.feature_widths import FeatureWidths
from model.ted.batch import attribute_spec


@dataclasses.dataclass(frozen=True)
class Labels:
    """The labels, as a batch whose turns they are would have them.

    Attributes:
        attribute: What a label is, where they are told apart by number only: `action_name` or
            `intent`.
        count: How many there are.
        widths: Widths per attribute of the labels. Empty = they are told apart by number only, as
            Rasa's one-hot vectors.
        features: For each of `widths` the tensors of `model.ted.batch`, as arrays; the turns are
            the labels' numbers.

    Raises:
        ValueError: There are none, or the features are not those of the widths.

    >>> Labels("intent", 2).as_batch()["intent_dense"].shape.as_list()
    [2, 2]
    """

    attribute: str
    count: int
    widths: Mapping[str, FeatureWidths] = dataclasses.field(default_factory=dict)
    features: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"There is no {self.attribute} to choose. Received: {self.count}")
        if (expected := set(_specs(self.widths))) != set(self.features):
            raise ValueError(
                f"The features of labels must be {sorted(expected)}. "
                f"Received: {sorted(self.features)}"
            )

    @property
    def encoded_widths(self) -> Mapping[str, FeatureWidths]:
        """Widths per attribute of `as_batch`."""
        return self.widths or {self.attribute: FeatureWidths(sentence_dense=self.count)}

    def as_batch(self) -> Batch:
        """The labels as turns."""
        if self.widths:
            return {key: tf.constant(value) for key, value in self.features.items()}
        return {
            f"{self.attribute}_turns": tf.range(self.count, dtype=tf.int64),
            f"{self.attribute}_dense": tf.eye(self.count),
        }

    def to_json(self) -> dict[str, Any]:
        """Plain lists, maps and numbers."""
        return {
            "attribute": self.attribute,
            "count": self.count,
            "widths": {k: dataclasses.asdict(v) for k, v in self.widths.items()},
            "features": {k: np.asarray(v).tolist() for k, v in self.features.items()},
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Labels:
        """The inverse of `to_json`."""
        widths = {k: FeatureWidths(**v) for k, v in plain["widths"].items()}
        features = plain["features"]
        arrays = {key: _array(features[key], spec) for key, spec in _specs(widths).items()}
        return cls(plain["attribute"], plain["count"], widths, arrays)


def _specs(widths: Mapping[str, FeatureWidths]) -> dict[str, tf.TensorSpec]:
    return {
        key: spec for name, of in widths.items() for key, spec in attribute_spec(name, of).items()
    }


def _array(values: list, spec: tf.TensorSpec) -> np.ndarray:
    array, columns = np.array(values, spec.dtype.as_numpy_dtype), spec.shape[1:]
    # An empty list of lists does not tell how many columns it has.
    return array.reshape([-1, *columns]) if columns.is_fully_defined() else array

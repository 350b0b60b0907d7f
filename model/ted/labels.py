"""What a model of dialogues chooses from: actions, or intents."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from model.batch import Batch
from model.layers.feature_widths import FeatureWidths
from model.ted.batch import attribute_spec

Features: TypeAlias = Mapping[str, np.ndarray]


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
            the labels' numbers. Of labels that are many, a function that makes those of some: it
            takes numbers, `[n]` int32, none smaller than the one before, of which the turns are
            then the places.

    Raises:
        ValueError: There are none, or the features are not those of the widths.

    >>> Labels("intent", 2).as_batch()["intent_dense"].shape.as_list()
    [2, 2]
    """

    attribute: str
    count: int
    widths: Mapping[str, FeatureWidths] = dataclasses.field(default_factory=dict)
    features: Features | Callable[[np.ndarray], Features] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"There is no {self.attribute} to choose. Received: {self.count}")
        if callable(self.features):
            return
        if (expected := set(_specs(self.widths))) != set(self.features):
            raise ValueError(
                f"The features of labels must be {sorted(expected)}. "
                f"Received: {sorted(self.features)}"
            )

    @property
    def encoded_widths(self) -> Mapping[str, FeatureWidths]:
        """Widths per attribute of `as_batch`."""
        return self.widths or {self.attribute: FeatureWidths(sentence_dense=self.count)}

    @property
    def are_many(self) -> bool:
        """Whether a step of training should take `some` of them only."""
        return callable(self.features)

    def as_batch(self) -> Batch:
        """The labels as turns."""
        if self.widths:
            return {key: tf.constant(value) for key, value in self._all_features().items()}
        return {
            f"{self.attribute}_turns": tf.range(self.count, dtype=tf.int64),
            f"{self.attribute}_dense": tf.eye(self.count),
        }

    def some(self, numbers: tf.Tensor) -> Batch:
        """Those of many labels with these numbers (see `features`), as turns 0 to n - 1.

        Made on the host as they are asked for, so that memory does not grow with the labels.
        """
        make, specs = self.features, _specs(self.widths)
        assert callable(make), "they are few"

        def rows(numbers: np.ndarray) -> list[np.ndarray]:
            made = make(numbers)
            return [made[key].astype(spec.dtype.as_numpy_dtype) for key, spec in specs.items()]

        dtypes = [spec.dtype for spec in specs.values()]
        values = tf.numpy_function(rows, [numbers], dtypes, stateful=False)
        named = zip(specs.items(), values, strict=True)
        return {key: tf.ensure_shape(value, spec.shape) for (key, spec), value in named}

    def _all_features(self) -> Features:
        if callable(self.features):
            return self.features(np.arange(self.count, dtype=np.int32))
        return self.features

    def to_json(self) -> dict[str, Any]:
        """Plain lists, maps and numbers."""
        return {
            "attribute": self.attribute,
            "count": self.count,
            "widths": {k: dataclasses.asdict(v) for k, v in self.widths.items()},
            "features": {k: np.asarray(v).tolist() for k, v in self._all_features().items()},
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

"""The features of all labels, as a layer without inputs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model.diet.sizes import LabelFeatures
from model.layers.sparse import DenseForSparse


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class LabelTable(keras.layers.Layer):
    """One row per label: the summed projections of the tokens of its name, or one-hot.

    Mirrors the label side of `DIET._create_bow` in Rasa; label features know no dropout.

    Args:
        features: Per label and token, the (column, value) pairs. Empty = one-hot labels.
        width: Number of columns; of labels, if these are one-hot.
        units: Width of the projection.
        regularization: L2 constant of the projection.

    Call: a scalar that is not looked at (Keras wants an input) -> `[labels, output_width]`.

    >>> table = LabelTable([[[(0, 1.0)]], [[(1, 1.0)], [(2, 1.0)]]], width=3, units=4)
    >>> tuple(table(tf.zeros([])).shape)
    (2, 4)
    """

    def __init__(
        self,
        features: tuple[LabelFeatures, ...],
        *,
        width: int,
        units: int,
        regularization: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.features = tuple(features)
        self.width = width
        self.units = units
        self.regularization = regularization
        tokens = [(label, token) for label, of in enumerate(features) for token in of]
        cells = [(row, *pair) for row, (_, token) in enumerate(tokens) for pair in token]
        self._indices = np.array([cell[:2] for cell in cells], np.int64).reshape(-1, 2)
        self._values = np.array([cell[2] for cell in cells], np.float32)
        self._label_of_token = np.array([label for label, _ in tokens], np.int32)

    @property
    def output_width(self) -> int:
        """The last dimension of the output."""
        return self.units if self.features else self.width

    def build(self, input_shape: object = None) -> None:
        self.projection = None
        if self.features:
            self.projection = DenseForSparse(
                self.units,
                regularization=self.regularization,
                dtype=self.dtype_policy,
                name="projection",
            )
            self.projection.build((None, self.width))

    def call(self, ignored: tf.Tensor) -> tf.Tensor:
        if self.projection is None:
            return tf.eye(self.width, dtype=self.compute_dtype)
        tokens = len(self._label_of_token)
        rows = self.projection(
            tf.constant(self._indices), tf.constant(self._values), tf.constant(tokens)
        )
        return tf.math.unsorted_segment_sum(rows, self._label_of_token, len(self.features))

    def get_config(self) -> dict:
        features = [[[list(p) for p in token] for token in label] for label in self.features]
        return {
            **super().get_config(),
            "features": features,
            "width": self.width,
            "units": self.units,
            "regularization": self.regularization,
        }

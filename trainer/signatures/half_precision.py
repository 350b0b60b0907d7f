"""Wide kernels in bfloat16: half of a model's size, and what that costs.

They are nearly all of it. An answer takes a few rows of them, which are made float32 and reckoned
with as ever. Other weights stay float32: an answer takes all of them, and making them float32 again
would take as long as all else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from model.layers.sparse import DenseForSparse, sparse_product
from trainer.signatures.elsewhere import Tensors
from trainer.signatures.verify import Check

ANOTHER_ANSWER = 1.0
"""A difference that no confidence alone can make."""


def wide_layers(model: keras.Model) -> list[DenseForSparse]:
    """The layers with a row of weights for every sparse feature."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, DenseForSparse)]


@contextmanager
def read_in_half(layer: DenseForSparse) -> Iterator[None]:
    """Within this block the layer takes its kernel's rows from a copy in bfloat16."""
    copy = tf.Variable(tf.cast(layer.kernel.value, tf.bfloat16), trainable=False, name="kernel")

    def read(rows: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.gather(copy, rows), tf.float32)

    with layer.multiplied_by(lambda features: sparse_product(features, read)):
        yield


def round_to_half(model: keras.Model) -> None:
    """Give wide kernels the values that they have in bfloat16."""
    for layer in wide_layers(model):
        kernel = layer.kernel
        kernel.assign(tf.cast(tf.cast(kernel.value, tf.bfloat16), tf.float32))


def cost_of_half(checks: Sequence[Check], answers: Sequence[Tensors]) -> dict[str, Any]:
    """How far such answers are from the model's, which has not been rounded; for the model card."""
    check, outputs = checks[-1], answers[-1]  # the last is what servers ask
    differences = [float(difference) for _, difference in check.differences(outputs)]
    same = [difference for difference in differences if difference < ANOTHER_ANSWER]
    return {
        "compared": {check.kind: check.count},
        "other_answers": len(differences) - len(same),
        "largest_difference": max(same, default=0.0),
    }

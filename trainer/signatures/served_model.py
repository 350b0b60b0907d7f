"""What a SavedModel is made of: signatures, the weights and tables they need, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from model.layers.dense import RandomlyConnectedDense
from trainer.signatures.elsewhere import Question
from trainer.signatures.verify import Check

FEATURES = "features"
DEFAULT = "serving_default"


@dataclass(frozen=True)
class Signature:
    """One way to ask a model.

    Attributes:
        function: of one tensor, or of several by name.
        spec: what these are: a named `tf.TensorSpec`, or several by name.
    """

    function: Callable[..., Mapping[str, tf.Tensor]]
    spec: Any


@dataclass(frozen=True)
class ServedModel:
    """What is to be saved.

    Attributes:
        model: whose weights the signatures use.
        signatures: by name.
        tables: what else the signatures hold on to.
        missing: what it cannot do, or does otherwise than in Python; a sentence each.
        example: a question to warm up with.
        checks: what to ask it before it is published.
    """

    model: keras.Model
    signatures: Mapping[str, Signature]
    tables: tuple[tf.Module, ...] = ()
    missing: tuple[str, ...] = ()
    example: Question | None = None
    checks: tuple[Check, ...] = ()

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the SavedModel; returns what each signature takes and gives, JSON-able.

        Only weights that some signature uses are kept: none of the optimizer, none that only losses
        need, and no masks of connections (masked weights are 0 anyway).
        """
        module = tf.Module()
        module.tables = list(self.tables)  # tf.Module does not look into a tuple
        with _without_masks(self.model):
            concrete = {
                name: tf.function(
                    signature.function, input_signature=[signature.spec], autograph=False
                ).get_concrete_function()
                for name, signature in self.signatures.items()
            }
        used = {v.ref(): v for function in concrete.values() for v in function.graph.variables}
        module.weights = list(used.values())
        with _without_remarks():
            tf.saved_model.save(module, str(folder), signatures=concrete)
        return {
            name: {
                "inputs": _described(self.signatures[name].spec),
                "outputs": _described(function.structured_outputs),
            }
            for name, function in concrete.items()
        }


def features_signature(model: keras.Model) -> Signature:
    """The model itself, on the tensors of `model/batch.py` or `model/ted/batch.py`."""
    spec = {
        key: tf.TensorSpec(spec.shape, spec.dtype, name=key)
        for key, spec in model.input_signature().items()
    }
    return Signature(model, spec)


@contextmanager
def _without_masks(model: keras.Model) -> Iterator[None]:
    """The model's layers take their kernels as they are, which are 0 where connections are not."""
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, RandomlyConnectedDense) and layer.connections is not None
    ]
    masks = [layer.connections for layer in layers]
    try:
        for layer in layers:
            _set_connections(layer, None)
        yield
    finally:
        for layer, mask in zip(layers, masks, strict=True):
            _set_connections(layer, mask)


@contextmanager
def _without_remarks() -> Iterator[None]:
    """TensorFlow says that it gives tables and weights, which nobody names, other names."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _set_connections(layer: RandomlyConnectedDense, mask: Any) -> None:
    # Past Keras, which does not let a layer that is built have new state, or the same anew.
    object.__setattr__(layer, "connections", mask)


def _described(spec: Any) -> dict[str, Any]:
    named = {spec.name: spec} if isinstance(spec, tf.TensorSpec) else spec
    return {
        name: {"dtype": spec.dtype.name, "shape": list(spec.shape)}
        for name, spec in sorted(named.items())
    }

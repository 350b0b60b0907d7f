"""What a SavedModel is made of: signatures, the weights and tables they need, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from model.layers.dense import RandomlyConnectedDense
from trainer.signatures.elsewhere import Question
from trainer.signatures.half_precision import read_in_half, wide_layers
from trainer.signatures.verify import Check

FEATURES = "features"
DEFAULT = "serving_default"
WITHOUT_GRADIENTS = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
"""Answers have none, and functions for them would have to be saved."""


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

    def save(self, folder: Path, *, half: bool = False) -> dict[str, Any]:
        """Write the SavedModel; returns what each signature takes and gives, JSON-able.

        With `half` wide kernels are written in bfloat16, see `half_precision`.

        Only weights that some signature uses are kept: none of the optimizer, none that only losses
        need, and no masks of connections (masked weights are 0 anyway).
        """
        module = tf.Module()
        module.tables = list(self.tables)  # tf.Module does not look into a tuple
        with ExitStack() as stack:
            stack.enter_context(_without_masks(self.model))
            for layer in wide_layers(self.model):
                stack.enter_context(read_in_half(layer) if half else layer.read_whole())
            stack.enter_context(_with_known_labels(self.model))
            concrete = {
                name: _in_one_thread(signature, self.model).get_concrete_function()
                for name, signature in self.signatures.items()
            }
            used = {v.ref(): v for function in concrete.values() for v in function.graph.variables}
            module.weights = list(used.values())
        with _without_remarks():
            tf.saved_model.save(module, str(folder), signatures=concrete, options=WITHOUT_GRADIENTS)
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


def _in_one_thread(signature: Signature, model: keras.Model) -> Any:
    """The signature as a function whose operations follow each other in one thread.

    Most of them take a microsecond, and handing one to another thread takes longer. Products of
    large matrices are divided among threads all the same.
    """
    constants = _Constants(model)

    def answer(given: Any) -> Mapping[str, tf.Tensor]:
        with constants:
            return signature.function(given)

    # Were it part of its caller, it would be run as that is.
    apart = tf.function(answer, autograph=False, experimental_attributes={"_noinline": True})

    def call(given: Any) -> Mapping[str, tf.Tensor]:
        with tf.experimental.function_executor_type("SINGLE_THREADED_EXECUTOR"):
            return apart(given)

    return tf.function(call, input_signature=[signature.spec], autograph=False)


class _Constants(keras.StatelessScope):
    """Weights are constants of the graph: what follows from them alone is reckoned once.

    But for those of which an answer takes a few rows: they are most of a model, and lie beside.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        wide = {id(layer.kernel) for layer in wide_layers(model)}
        self._values = {id(w): w.numpy() for w in model.weights if id(w) not in wide}

    def get_current_value(self, variable: Any) -> tf.Tensor | None:
        """The weight, in the graph that is being made; None if it is no constant."""
        value = self._values.get(id(variable))
        return None if value is None else tf.constant(value)


@contextmanager
def _with_known_labels(model: Any) -> Iterator[None]:
    """The embeddings of labels, which follow from weights alone, are a constant."""
    labels = model.label_embeddings().numpy()
    object.__setattr__(model, "label_embeddings", lambda noise=None: tf.constant(labels))
    try:
        yield
    finally:
        object.__delattr__(model, "label_embeddings")


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

"""What is in a golden file, and how draws are recorded.

A file holds arrays under these names, and `recipe`, a JSON text (versions, seed, options). Files
made since there are many of them are packed: all numbers of a type lie end to end in one array, and
the recipe's `packed` says for each name the type, where it begins, and its shape.

* `input/NAME`: what Rasa was given; sparse tensors as `NAME/indices`, `/values`, `/shape`;
* `weight/PATH`: Rasa's weights and masks, named by the attributes that lead to them;
* `draw/NAME`: random numbers that Rasa was given;
* `upstream`: what the gradients start from: they are those of `sum(output * upstream)`;
* `output/NAME`: what came out;
* `gradient/PATH`: of weights, and as `gradient/input/NAME` of inputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

Arrays = dict[str, np.ndarray]
SEED = 20240229


def save(path: Path, *, options: Mapping[str, Any], seed: int = SEED, **groups: Mapping) -> int:
    """Write one golden; returns its size in bytes.

    `groups` are dictionaries of arrays (`inputs`, `weights`, `draws`, `outputs`, `gradients`), or a
    plain array (`upstream`).
    """
    packages = ("rasa", "tensorflow", "keras", "numpy")
    recipe = {
        "made_by": f"scripts/make_golden.py {path.stem}",
        "versions": {package: version(package) for package in packages},
        "seed": seed,
        "options": options,
    }
    arrays = {}
    for group, values in groups.items():
        if isinstance(values, Mapping):
            named = {f"{group.removesuffix('s')}/{name}": v for name, v in values.items()}
            arrays.update({name: np.asarray(value) for name, value in named.items()})
        else:
            arrays[group] = np.asarray(values)
    recipe["packed"], packed = _packed(arrays)
    np.savez_compressed(path, recipe=np.array(json.dumps(recipe, sort_keys=True)), **packed)
    return path.stat().st_size


def _packed(arrays: Arrays) -> tuple[dict[str, list], Arrays]:
    """Where each array lies, and the few that hold them all: a file of many is mostly names."""
    places, ends = {}, {}
    for name, array in arrays.items():
        kind = array.dtype.name if array.dtype.kind != "U" else "text"
        start = ends.get(kind, 0)
        ends[kind] = start + array.size
        places[name] = [kind, start, list(array.shape)]
    packed = {
        kind: np.concatenate([a.ravel() for n, a in arrays.items() if places[n][0] == kind])
        for kind in ends
    }
    return places, packed


def sparse(name: str, tensor: tf.SparseTensor) -> Arrays:
    """The parts of a sparse tensor."""
    return {
        f"{name}/indices": tensor.indices.numpy(),
        f"{name}/values": tensor.values.numpy(),
        f"{name}/shape": tensor.dense_shape.numpy(),
    }


def variables_of(layer: Any, path: str = "", seen: set[int] | None = None) -> dict[str, Any]:
    """All variables below `layer`, named by the attributes that lead to them.

    Rasa's dictionaries `_tf_layers` are left out of the names. Keras' own names would not do: those
    of relative embeddings are all alike.
    """
    seen = set() if seen is None else seen
    found = {}
    for name, child in layer._trackable_children().items():
        if id(child) in seen or name.startswith(("keras_api", "optimizer", "_checkpoint")):
            continue
        seen.add(id(child))
        below = path if name == "_tf_layers" else f"{path}/{name}".lstrip("/")
        if isinstance(child, tf.Variable):
            found[below] = child
        elif isinstance(child, tf.__internal__.tracking.Trackable):
            found.update(variables_of(child, below, seen))
    return found


def trainable_of(layer: Any) -> dict[str, Any]:
    """Those of `variables_of` that are trained; a layer may be frozen without its variables."""
    trainable = {id(variable) for variable in layer.trainable_variables}
    return {k: v for k, v in variables_of(layer).items() if id(v) in trainable}


def fill(layer: Any, rng: np.random.Generator, scale: float = 0.5) -> None:
    """Give all trainable weights random values, biases and scales of norms included.

    All cells of a kernel with missing connections are filled: what is missing must not matter.
    """
    for name, variable in sorted(trainable_of(layer).items()):
        centre = 1.0 if name.endswith("gamma") else 0.0
        values = centre + scale * rng.normal(size=variable.shape)
        variable.assign(values.astype(np.float32))


def arrays_of(variables: Mapping[str, Any]) -> Arrays:
    return {name: variable.numpy() for name, variable in variables.items()}


def weights_of(layer: Any) -> Arrays:
    """Weights and masks as they are now."""
    masks = {k: v for k, v in variables_of(layer).items() if k.endswith("kernel_mask")}
    return arrays_of({**trainable_of(layer), **masks})


def run_brick(
    layer: Any,
    call: Callable[[], tf.Tensor],
    rng: np.random.Generator,
    *,
    inputs: Mapping[str, tf.Tensor] | None = None,
    mask: np.ndarray | None = None,
) -> dict[str, Any]:
    """Call a layer on random weights; the groups of `save` but for inputs that are not dense.

    Args:
        call: Runs the layer and returns its output.
        inputs: The inputs that there are gradients of.
        mask: 0 where the output is padding: no gradient starts there.
    """
    call()  # builds
    fill(layer, rng)
    weights = weights_of(layer)
    inputs = inputs or {}
    trainable = trainable_of(layer)
    with tf.GradientTape() as tape:
        tape.watch(list(inputs.values()))
        output = call()
        upstream = rng.normal(size=output.shape).astype(np.float32)
        upstream = upstream if mask is None else upstream * mask
        total = tf.reduce_sum(output * upstream)
    gradients = tape.gradient(total, {"weight": trainable, "input": dict(inputs)})
    return {
        "inputs": arrays_of(inputs),
        "weights": weights,
        "upstream": upstream,
        "outputs": {"output": output.numpy(), "l2": np.float32(sum(layer.losses))},
        "gradients": {
            **dense_arrays(gradients["weight"]),
            **{f"input/{name}": value for name, value in dense_arrays(gradients["input"]).items()},
        },
    }


def dense_arrays(tensors: Mapping[str, Any]) -> Arrays:
    """As arrays; what is None (no gradient) is left out."""
    return {k: tf.convert_to_tensor(v).numpy() for k, v in tensors.items() if v is not None}

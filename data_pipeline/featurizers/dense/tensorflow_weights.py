"""Reads weights that TensorFlow wrote into models of PyTorch: Rasa's users have such files.

Rasa runs TensorFlow's version of every language model, so what it takes are `tf_model.h5` files;
the package `transformers` itself has stopped reading them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.errors import InputError

FILE = "tf_model.h5"
# Keras' names of variables -> PyTorch's; all other names are the same in both.
NAMES = {"kernel": "weight", "gamma": "weight", "embeddings": "weight", "beta": "bias"}


def model_of_tensorflow(model_class: Any, path: Path) -> Any:
    """A model of `transformers` (for PyTorch) with the weights of a `tf_model.h5`.

    Args:
        path: the file; `config.json` lies beside it.

    Raises:
        InputError: the weights are not those of such a model.
    """
    import torch

    model = model_class(model_class.config_class.from_pretrained(path.parent))
    found = _weights(path, model_class.base_model_prefix)
    wanted = dict(model.named_parameters())
    missing = [n for n in wanted if n not in found and not n.startswith("pooler.")]
    if missing:
        raise InputError(
            f"{path}: holds no weights of a {model_class.__name__}: {missing[0]} is missing; give "
            "the 'model_name' that belongs to the file"
        )
    with torch.no_grad():
        for name, variable in wanted.items():
            if name in found:
                variable.copy_(torch.from_numpy(found[name].reshape(variable.shape)))
    return model


def _weights(path: Path, prefix: str) -> dict[str, np.ndarray]:
    """The weights below the layer `prefix`, by PyTorch's names."""
    import h5py

    weights = {}
    with h5py.File(path) as file:
        for layer in file.attrs["layer_names"]:
            for written in file[layer].attrs["weight_names"]:
                name = written if isinstance(written, str) else written.decode()
                _, found, below = name.removesuffix(":0").partition(f"/{prefix}/")
                if found:
                    parts = re.sub(r"_\._", "/", below).split("/")
                    values = np.asarray(file[layer][name], np.float32)
                    # Kernels of dense layers are the other way round there.
                    weights[_name(parts)] = values.T if parts[-1] == "kernel" else values
    return weights


def _name(parts: list[str]) -> str:
    """Such as `encoder/layer_._0/output/dense/kernel`: its last part is named otherwise."""
    return ".".join([*parts[:-1], NAMES.get(parts[-1], parts[-1])])

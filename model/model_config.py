"""What Keras keeps of a model beside its weights: sizes and options, as plain values."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras


def model_config(model: keras.Model) -> dict[str, Any]:
    """What `get_config` of a model made of `sizes` and `options` returns."""
    return {
        "name": model.name,
        "dtype": keras.dtype_policies.serialize(model.dtype_policy),
        "sizes": model.sizes.to_json(),
        "options": dataclasses.asdict(model.options),
        "accumulate_steps": model.accumulate_steps,
    }


def model_arguments(config: dict[str, Any], sizes: Any, options: type) -> dict[str, Any]:
    """The arguments of the model's constructor that `model_config` wrote down.

    Args:
        sizes: Class with a `from_json`, the inverse of its `to_json`.
        options: Dataclass.
    """
    made = {
        "sizes": sizes.from_json(config["sizes"]),
        "options": options(**config["options"]),
    }
    return {**config, **made}

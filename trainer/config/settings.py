"""`--set key=value`: options of the models, or ours, from the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from data_pipeline.component_options import unknown_name
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.yaml_files import parse_yaml
from model.options.rasa_names import RETIRED
from trainer.config.options import OPTIONS


@dataclass(frozen=True)
class Setting:
    """One `key=value`.

    Attributes:
        models: the names of the models it is for; none = it is an option of ours.
    """

    models: tuple[str, ...]
    key: str
    value: Any


def parse_setting(text: str) -> tuple[str, Any]:
    """The key and the value (YAML) of `key=value`.

    Raises:
        InputError: it is something else.
    """
    written, equals, value = text.partition("=")
    key = written.strip()
    if not equals or not key:
        raise InputError(f"--set takes key=value. Received: {text!r}")
    try:
        return key, parse_yaml(value)
    except yaml.YAMLError:
        raise InputError(f"--set {key}: the value is not valid YAML. Received: {value!r}") from None


def setting(
    key: str, value: Any, chosen: Mapping[str, Collection[str]], known: Collection[str]
) -> Setting:
    """What `key`, or `model.key`, is to be set for.

    Args:
        chosen: the names of the options of each model that is trained.
        known: the names of all models there are.

    Raises:
        InputError: there is no such option.
    """
    models, dotted = tuple(chosen), "." in key
    prefix, _, rest = key.partition(".")
    if dotted and prefix in known:
        if prefix not in chosen:
            raise InputError(f"--set {key}: {prefix} is not trained here. See --model.")
        models, key = (prefix,), rest
    targets = tuple(model for model in models if key in chosen[model] or key in RETIRED)
    if not targets and (key not in OPTIONS or dotted):
        names = dict.fromkeys([*OPTIONS, *(name for of in chosen.values() for name in of)])
        raise unknown_name("--set: unknown option", key, list(names))
    return Setting(targets, key, value)

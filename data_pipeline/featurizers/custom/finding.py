"""Finds the class that a component's whole path names, and says what kind of component it is."""

from __future__ import annotations

import ast
import importlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from data_pipeline.errors import InputError

Kind = Literal["tokenizer", "featurizer", "other"]
GUIDE = "docs/custom_components.md"
RASA = "rasa"
# What a component says of itself where it registers with Rasa 3.
KINDS_IN_RASA: dict[str, Kind] = {
    "MESSAGE_TOKENIZER": "tokenizer",
    "MESSAGE_FEATURIZER": "featurizer",
}


class CustomClass(NamedTuple):
    """A class that is not ours.

    Attributes:
        kind: what it does; "other" is of no use for features.
        written_for_rasa: whether it is one of Rasa's graph components.
    """

    path: str
    component: Any
    kind: Kind
    written_for_rasa: bool


def find_custom(path: str) -> CustomClass | None:
    """The class `path` names, `package.module.Class`; None if it is of no use for features.

    Modules are looked for where Python does, and in the current folder, as Rasa does.

    Raises:
        InputError: there is no such class, or it needs Rasa, which is not installed.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    module_name, _, class_name = path.rpartition(".")
    try:
        component = getattr(importlib.import_module(module_name), class_name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != RASA:
            raise _not_found(path, f"there is no module {error.name}") from error
        if _kind_in_source(module_name, class_name) == "other":
            return None
        raise InputError(
            f"pipeline: {path} is written for Rasa, which is not installed here; install Rasa "
            f"beside this, rewrite the component as {GUIDE} says, or remove it"
        ) from error
    except AttributeError as error:
        raise _not_found(path, f"{module_name} has no {class_name}") from error
    except Exception as error:  # somebody else's module may fail in any way
        reason = f"importing it fails with {type(error).__name__}: {error}"
        raise _not_found(path, reason) from error
    found = _described(path, component)
    return None if found.kind == "other" else found


def _described(path: str, component: Any) -> CustomClass:
    ancestors = {f"{base.__module__}.{base.__name__}" for base in getattr(component, "__mro__", ())}
    if any(name.startswith(f"{RASA}.") for name in ancestors):
        kind: Kind = "other"
        if "rasa.nlu.tokenizers.tokenizer.Tokenizer" in ancestors:
            kind = "tokenizer"
        elif "rasa.nlu.featurizers.featurizer.Featurizer" in ancestors:
            kind = "featurizer"
        return CustomClass(path, component, kind, written_for_rasa=True)
    for kind, method in (("tokenizer", "tokenize"), ("featurizer", "featurize")):
        if callable(getattr(component, method, None)):
            return CustomClass(path, component, kind, written_for_rasa=False)
    return CustomClass(path, component, "other", written_for_rasa=False)


def _kind_in_source(module_name: str, class_name: str) -> Kind | None:
    """What a component that cannot be imported says of itself; None = it cannot be told.

    In Rasa 3 that is `@DefaultV1Recipe.register(ComponentType.MESSAGE_FEATURIZER, ...)`.
    """
    spec = find_spec(module_name)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            registered = [part for d in node.decorator_list for part in ast.walk(d)]
            names = [part.attr for part in registered if isinstance(part, ast.Attribute)]
            types = [name for name in names if name.isupper()]
            kinds = [KINDS_IN_RASA[name] for name in types if name in KINDS_IN_RASA]
            return kinds[0] if kinds else ("other" if types else None)
    return None


def _not_found(path: str, reason: str) -> InputError:
    return InputError(
        f"pipeline: the component {path} cannot be used: {reason}; run where its module can be "
        "imported (the project's folder, or PYTHONPATH), correct its name, or remove it"
    )

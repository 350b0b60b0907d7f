"""Checks the options of a pipeline component against a dataclass: names, types, "did you mean"."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from data_pipeline.errors import InputError

Options = TypeVar("Options")


def read_options(component: str, options: Mapping[str, Any], kind: type[Options]) -> Options:
    """Builds the options dataclass `kind`, whose fields and types are what is allowed.

    Raises:
        InputError: an option is unknown or of a wrong type.
    """
    expected = get_type_hints(kind)
    for key, value in options.items():
        if key not in expected:
            raise unknown_name(f"{component}: unknown option", key, list(expected))
        if not _fits(value, expected[key]):
            raise InputError(
                f"{component}: option {key!r} must be {_described(expected[key])}; "
                f"received {value!r}; correct it in the pipeline"
            )
    return kind(**options)


def unknown_name(problem: str, received: str, known: list[str]) -> InputError:
    """An error that suggests the known name closest to the received one."""
    close = difflib.get_close_matches(str(received), known, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
    return InputError(f"{problem} {received!r}; {advice}")


def _fits(value: Any, expected: Any) -> bool:
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return any(_fits(value, argument) for argument in arguments)
    if origin is Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(_fits(item, arguments[0]) for item in value)
    if isinstance(value, bool):
        return expected is bool
    return isinstance(value, (int, float) if expected is float else expected)


def _described(expected: Any) -> str:
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return " or ".join(_described(argument) for argument in arguments)
    if origin is Literal:
        return "one of " + ", ".join(repr(argument) for argument in arguments)
    if origin is list:
        return f"a list of {_described(arguments[0])}"
    return {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        type(None): "null",
    }[expected]

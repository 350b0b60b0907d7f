"""Whole small YAML documents as nodes with lines, and nodes as plain values."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.yaml_events import Mapping, Node, Scalar, Sequence, open_events

_NULLS = {"", "~", "null", "Null", "NULL"}
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text, 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(nan|NaN|NAN)"), lambda text: float("nan")),
)


def read_document(path: Path) -> Node | None:
    """The root node of a file; None where the file is empty.

    Raises:
        InputError: it is not YAML, or holds a second document.
    """
    with open_events(path) as events:
        if not events.enter_document():
            return None
        node = events.compose()
        events.expect_one_document()
    return None if is_null(node) else node


def is_null(node: Node) -> bool:
    """Whether nothing, `~` or `null` is written there."""
    return isinstance(node, Scalar) and scalar_value(node) is None


def scalar_value(scalar: Scalar) -> Any:
    """What YAML 1.2 takes a scalar for, as Rasa does: `yes` and `on` are words there.

    >>> [scalar_value(Scalar(text, 1)) for text in ("yes", "true", "1e3", "~")]
    ['yes', True, 1000.0, None]
    """
    if scalar.style is not None:
        return scalar.value
    if scalar.value in _NULLS:
        return None
    if scalar.value in _TRUTHS:
        return _TRUTHS[scalar.value]
    for pattern, convert in _NUMBERS:
        if pattern.fullmatch(scalar.value):
            return convert(scalar.value)
    return scalar.value


def frozen_value(node: Node) -> Any:
    """The value of a node, hashable: a list becomes a tuple, a map a tuple of its pairs."""
    if isinstance(node, Scalar):
        return scalar_value(node)
    if isinstance(node, Sequence):
        return tuple(frozen_value(item) for item in node.items)
    return tuple((key, frozen_value(value)) for key, value in node.items.items())


def expect_mapping(node: Node, where: str, meaning: str) -> Mapping:
    """The node, which must be a map; `where` is `file:line`, `meaning` what it should hold."""
    if isinstance(node, Mapping):
        return node
    raise InputError(f"{where}: {meaning} must be a map; received {node.shown()}")


def expect_sequence(node: Node, where: str, meaning: str) -> list[Node]:
    """The items of the node, which must be a list or nothing."""
    if isinstance(node, Sequence):
        return node.items
    if is_null(node):
        return []
    raise InputError(f"{where}: {meaning} must be a list with '- '; received {node.shown()}")


def expect_name(node: Node, where: str, meaning: str) -> str:
    """The word that the node holds; a number is taken as written."""
    if isinstance(node, Scalar) and not is_null(node) and node.value.strip():
        return node.value.strip()
    raise InputError(f"{where}: {meaning} must be a name; received {node.shown()}")


def expect_truth(node: Node, where: str) -> bool:
    """The `true` or `false` that must stand there."""
    value = scalar_value(node) if isinstance(node, Scalar) else None
    if isinstance(value, bool):
        return value
    raise InputError(f"{where}: expected true or false; received {node.shown()}")

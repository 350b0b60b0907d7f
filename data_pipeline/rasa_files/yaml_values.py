"""What stands in a YAML file, as nodes with lines, and what it means: YAML 1.2, as in Rasa.

Mirrors `ruamel.yaml.resolver` with version 1.2, which `rasa.shared.utils.io.read_yaml` sets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeGuard

from data_pipeline.errors import InputError

SHOWN_CHARACTERS = 60

_NULLS = {"", "~", "null", "Null", "NULL"}
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGERS = {
    10: re.compile(r"[-+]?[0-9][0-9_]*"),
    2: re.compile(r"[-+]?0b[01][01_]*"),
    8: re.compile(r"[-+]?0o[0-7][0-7_]*"),
    16: re.compile(r"[-+]?0x[0-9a-fA-F][0-9a-fA-F_]*"),
}
_FLOAT = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9][0-9_]*([eE][-+][0-9]+)?"
)
_NO_NUMBERS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(slots=True)
class Scalar:
    """A scalar as written: `style` is None for a plain one, else one of `|`, `>`, `"`, `'`."""

    value: str
    line: int
    style: str | None = None

    def shown(self) -> str:
        """For error messages."""
        return _shortened("nothing" if is_null(self) else repr(self.value))


@dataclass(slots=True)
class Sequence:
    """A list of nodes."""

    items: list[Node]
    line: int

    def shown(self) -> str:
        """For error messages."""
        return f"a list of {len(self.items)} items"


@dataclass(slots=True)
class Mapping:
    """A map; keys are the scalars as written."""

    items: dict[str, Node]
    line: int

    def shown(self) -> str:
        """For error messages."""
        return _shortened("a map with the keys " + ", ".join(self.items))


Node = Scalar | Sequence | Mapping


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."


def plain_value(text: str) -> Any:
    """What a word without quotes means: `yes` and `on` are words in YAML 1.2, `1e3` is a number.

    Dates stay as written.

    >>> [plain_value(text) for text in ("yes", "true", "010", "1e3", "~")]
    ['yes', True, 10, 1000.0, None]
    """
    if text in _NULLS:
        return None
    if text in _TRUTHS:
        return _TRUTHS[text]
    for base, pattern in _INTEGERS.items():
        if pattern.fullmatch(text):
            return int(text.replace("_", ""), base)
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    return float(text.replace(".", "")) if _NO_NUMBERS.fullmatch(text) else text


def scalar_value(scalar: Scalar) -> Any:
    """What a scalar means: a text if it is in quotes or a block, else its `plain_value`."""
    return scalar.value if scalar.style is not None else plain_value(scalar.value)


def is_null(node: Node) -> bool:
    """Whether nothing, `~` or `null` is written there."""
    return isinstance(node, Scalar) and node.style is None and node.value in _NULLS


def is_text(node: Node) -> TypeGuard[Scalar]:
    """Whether it is a scalar that means a text, not a number, truth or nothing."""
    return isinstance(node, Scalar) and isinstance(scalar_value(node), str)


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

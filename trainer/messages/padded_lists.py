"""Lists of an exported model's answer: tables padded to the longest, beside their lengths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def count_of(of_text: Mapping[str, Any], kind: str) -> int:
    """How many of a kind the answer to one text has, by `…_counts`; 0 where it has no such list.

    Args:
        of_text: one row of each tensor that the signature gave.
        kind: what the tensors' names begin with, such as `intent`.
    """
    return int(of_text.get(f"{kind}_counts", 0))


def rows_of(of_text: Mapping[str, Any], kind: str, *names: str) -> list[tuple[Any, ...]]:
    """The list of a kind: of each item its values in the tensors `{kind}_{name}`."""
    count = count_of(of_text, kind)
    if not count:
        return []
    return list(zip(*(of_text[f"{kind}_{name}"][:count] for name in names), strict=True))

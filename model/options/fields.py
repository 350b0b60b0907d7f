"""How an option is declared: its default, what it means, and what is allowed."""

from __future__ import annotations

import dataclasses
from typing import Any

from model.options.checks import Check


def option(default: Any, meaning: str, check: Check) -> Any:
    """A dataclass field with `meaning` and `check` in its metadata; lists and maps are copied."""
    metadata = {"meaning": meaning, "check": check}
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=lambda: default.copy(), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)

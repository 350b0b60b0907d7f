"""How an option is declared: its default, what it means, what is allowed, and what is done."""

from __future__ import annotations

import dataclasses
from typing import Any

from model.options.checks import Check

DONE = "done"
OURS = "ours"
REFUSED = "refused"
WITHOUT_EFFECT = "accepted, without effect"


def option(default: Any, meaning: str, check: Check, *, state: str = DONE) -> Any:
    """A dataclass field that knows what `docs/options.md` says of it; lists and maps are copied.

    Args:
        meaning: What it does, in a few words.
        check: What is allowed.
        state: Whether that is done as in Rasa.
    """
    metadata = {"meaning": meaning, "check": check, "state": state}
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=lambda: default.copy(), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def redeclared(options: type, name: str, default: Any, meaning: str | None = None) -> Any:
    """The option `name` of the dataclass `options`, for a subclass that has another default.

    Args:
        meaning: What it does in the subclass, if that is something else, too.
    """
    earlier = {field.name: field.metadata for field in dataclasses.fields(options)}[name]
    return option(default, meaning or earlier["meaning"], earlier["check"], state=earlier["state"])

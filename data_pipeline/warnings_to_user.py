"""What the user is told about the project's files: each thing once, however often they are read.

Everything that reads the project speaks through `warn` and `note`. A warning is about something
that should be mended, though training goes on, as Rasa's does; `--strict` makes an error of every
warning (`trainer/run/strictness.py`). A note tells what was assumed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

logger = logging.getLogger(__name__)

_told: ContextVar[set[str] | None] = ContextVar("told", default=None)


@contextmanager
def told_once() -> Iterator[None]:
    """In this block, and in such blocks within it, nothing is told twice."""
    if _told.get() is not None:
        yield
        return
    token = _told.set(set())
    try:
        yield
    finally:
        _told.reset(token)


def warn(message: str) -> None:
    """Tell of something that should be mended.

    Args:
        message: where (`file:line`), what, and what comes of it.
    """
    if _is_new(message):
        logger.warning("%s", message)


def note(place: str | Path, message: str) -> None:
    """Tell what was assumed, for the first place where it was.

    Args:
        message: the same for all places.
    """
    if _is_new(message):
        logger.info("%s: %s", place, message)


def _is_new(message: str) -> bool:
    told = _told.get()
    if told is None:
        return True
    is_new = message not in told
    told.add(message)
    return is_new

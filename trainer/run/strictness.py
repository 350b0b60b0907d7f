"""`--strict`: what is a warning about the project's files, otherwise, ends with an error."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from data_pipeline.errors import InputError
from trainer.models import MODELS

ABOUT_FILES = (
    *("data_pipeline", "model.options", "trainer.components", "trainer.config", "trainer.run"),
    *(kind.__module__.rpartition(".")[0] for kind in MODELS),
)
"""The loggers of what reads the project."""


class _Collected(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def warnings_as_errors(strict: bool) -> Iterator[None]:
    """Raise an error at the end if there were warnings about the project's files.

    What is looked at: the configuration and all data, until training begins. What is told of a
    checkpoint, a lock or another process is not about the project.

    Args:
        strict: whether to; else nothing happens.

    Raises:
        InputError: how many there were, and the first; all have been shown.
    """
    collected = _Collected()
    loggers = [logging.getLogger(name) for name in ABOUT_FILES] if strict else []
    for logger in loggers:
        logger.addHandler(collected)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(collected)
    if collected.messages:
        first, *others = dict.fromkeys(collected.messages)
        more = f" And {len(others)} more, see above." if others else ""
        raise InputError(f"--strict, and there was a warning: {first}{more}")

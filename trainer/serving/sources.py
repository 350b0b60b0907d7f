"""Which kind of thing a path is that is to be served."""

from __future__ import annotations

from pathlib import Path

from trainer.serving.answering import Source
from trainer.serving.run_source import RunSource


def source_of(path: Path) -> Source:
    """What answers, of a run directory.

    Raises:
        InputError: it is none.
    """
    return RunSource(path)

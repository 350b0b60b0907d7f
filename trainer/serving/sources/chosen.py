"""Which kind of thing a path is that is to be served."""

from __future__ import annotations

from pathlib import Path

from trainer.records.run_directory import RunDirectory
from trainer.serving.answering import Source
from trainer.serving.sources.export_source import ExportSource
from trainer.serving.sources.run_source import RunSource


def source_of(path: Path) -> Source:
    """A run directory, or exported models."""
    return RunSource(path) if RunDirectory(path).model() is not None else ExportSource(path)

"""One model to train on one project, as the composition root sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from data_pipeline.batches.dataset import BatchSource
from trainer.config.run_config import Fitted, RunConfig
from trainer.diet.warm_start import WarmStart
from trainer.records.run_directory import RunDirectory


@dataclass(frozen=True)
class TrainingData:
    """A prepared data set.

    Attributes:
        store: the examples.
        fingerprint: equal for equal sources and settings.
        fitted: what was learnt from the data, and is needed to answer.
    """

    store: BatchSource
    fingerprint: str
    fitted: Fitted


class Task(Protocol):
    """What differs between models; the rest of a run is the same.

    Attributes:
        config: of the run.
        start: the earlier run that this one starts from; None = from scratch.
    """

    config: RunConfig
    start: WarmStart | None

    def starting_from(self, given: Path | None, run: RunDirectory) -> Task:
        """The task with `start`, given what the user named and what `run` has recorded.

        Raises:
            InputError: this cannot be.
        """

    def fingerprint(self) -> str:
        """That of the data set which the project's files would give now."""

    def prepare(self, directory: Path) -> TrainingData:
        """Prepare the data set into `directory`, or use what is there if nothing has changed."""

    def open(self, directory: Path, *, is_chief: bool) -> TrainingData:
        """Open a prepared data set; the chief checks it and compares it with the project's files.

        Raises:
            InputError: it is damaged, or made from other files or with other settings.
        """

    @property
    def balances_held_out(self) -> bool:
        """Whether every label gets its share of held-out examples."""

    def next_commands(self, run: Path) -> list[str]:
        """What to do with a trained run: arguments of `python -m trainer`."""

"""A trained run, whichever model it is of."""

from __future__ import annotations

from pathlib import Path

from trainer.config.run_config import DIETConfig, TEDConfig
from trainer.diet.trained import TrainedRun
from trainer.records.run_directory import RunDirectory
from trainer.ted.trained import TrainedPolicy

LOADED = {DIETConfig.model: TrainedRun, TEDConfig.model: TrainedPolicy}


def load_run(directory: Path) -> TrainedRun | TrainedPolicy:
    """The trained model of a run directory, ready to answer.

    Raises:
        InputError: it is no run directory, or holds no usable checkpoint.
    """
    config, _ = RunDirectory(directory).load()
    return LOADED[config.model].load(directory)

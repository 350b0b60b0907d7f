"""Which models there are: the one list of them."""

from __future__ import annotations

from pathlib import Path

from data_pipeline.errors import InputError
from trainer.diet.task import DIETTask
from trainer.records.run_directory import RunDirectory
from trainer.response_selector.task import ResponseSelectorTask
from trainer.task import Task, Trained
from trainer.ted.task import TEDTask
from trainer.unexpected_intent.task import UnexpectedIntentTask

MODELS: tuple[type[Task], ...] = (
    DIETTask,
    ResponseSelectorTask,
    TEDTask,
    UnexpectedIntentTask,
)
"""In the order of training."""


def model_named(name: str) -> type[Task]:
    """The model of this name.

    Raises:
        InputError: there is none.
    """
    found = {kind.model: kind for kind in MODELS}
    if name not in found:
        raise InputError(f"There is no model {name!r}. Known are {', '.join(found)}.")
    return found[name]


def load_trained(directory: Path) -> Trained:
    """The trained model of a run directory, ready to answer.

    Raises:
        InputError: it is no run directory, or holds no usable checkpoint.
    """
    return model_named(RunDirectory(directory).existing_model()).load(directory)

"""What is to be trained, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras

from trainer.task import Task


@dataclass(frozen=True)
class TrainRequest:
    """What the user asked for.

    Attributes:
        tasks: the models to train, one after the other.
        run_dir: where results go; an existing run there goes on. Of several tasks the first one
            has this directory and each other one that of its name in it.
        prepared: a prepared data set to use instead of preparing one; of several as in `run_dir`.
        fresh: start over, in a new directory.
        init_from: an earlier run whose weights and vocabularies to start from.
        profile: whether to profile a few steps.
        strict: whether warnings about the project's files are errors.
        components: the names of all components of `config.yml`, by section.
        callbacks: Keras callbacks that follow the training of each task, on the chief.
    """

    tasks: Sequence[Task]
    run_dir: Path
    prepared: Path | None = None
    fresh: bool = False
    init_from: Path | None = None
    profile: bool = False
    strict: bool = False
    components: Mapping[str, Sequence[str]] = field(default_factory=dict)
    callbacks: Sequence[keras.callbacks.Callback] = ()


@dataclass(frozen=True)
class Result:
    """What came of training.

    Attributes:
        directory: where results are.
        is_chief: whether this process wrote them.
        summary: what was trained and what to do next, for the user.
    """

    directory: Path
    is_chief: bool
    summary: str

"""Before training: a run directory for us alone, and data that is read and checked."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from data_pipeline.batches.dataset import BatchSource
from data_pipeline.errors import InputError
from trainer.config.run_config import RunConfig, differences
from trainer.distribution.distribution import Distribution
from trainer.records.run_directory import RunDirectory
from trainer.records.run_lock import RunLock
from trainer.run.request import TrainRequest
from trainer.task import Task, TrainingData
from trainer.training.validation import Validation, split


@dataclass(frozen=True)
class OpenedRun:
    """A task that is ready to be trained.

    Attributes:
        lock: keeps others from the directory; None on all processes but the chief.
        examples: those of `data` to train on.
        validation: the others, which are held out; None = there are none.
    """

    task: Task
    directory: RunDirectory
    lock: RunLock | None
    data: TrainingData
    examples: BatchSource
    validation: Validation | None


def run_folder(directory: Path, config: RunConfig, *, is_first: bool) -> Path:
    """Where the run of this model lies in the directory of all.

    The model that was trained there first has the directory itself, each other one the folder of
    its name in it.

    Raises:
        InputError: there is a damaged `run.json`.
    """
    there = RunDirectory(directory)
    model = there.model()
    if model is None:
        is_its = is_first
    else:
        is_its = model == config.model and there.recorded(type(config))[0].name == config.name
    return directory if is_its else directory / config.name


def data_set_folder(directory: Path, config: RunConfig, *, is_only: bool = True) -> Path:
    """Where the data set of this model lies in the one that the user named.

    That of one model is the folder itself, of several each has the folder of its name in it.
    """
    own = directory / config.name
    return directory if is_only and not own.exists() else own


def open_run(
    request: TrainRequest,
    number: int,
    directory: Path,
    distribution: Distribution,
    until_done: ExitStack,
) -> OpenedRun:
    """Open the run of the request's task with this number.

    Args:
        directory: that of all tasks.
        until_done: keeps the lock.

    Raises:
        InputError: the directory cannot be used, or holds another run; bad data.
    """
    task = request.tasks[number]
    run = RunDirectory(run_folder(directory, task.config, is_first=number == 0))
    prepared = request.prepared and data_set_folder(request.prepared, task.config)
    # 1. A directory to write to.
    lock = None
    if distribution.is_chief:
        run.create()
        lock = until_done.enter_context(RunLock(run.path))
    # 2. Data: the chief prepares, the others open what it made.
    _check_same_settings(run, task.config)
    task = task.starting_from(request.init_from, run)
    if request.strict and prepared is None and distribution.is_chief and run.model() is None:
        _say_again(task, run)
    data = _data(task, prepared, run, distribution)
    _check_same_data(run, task.config, data.fingerprint)
    examples, validation = split(data.store, task.config.options, balanced=task.balances_held_out)
    return OpenedRun(task, run, lock, data, examples, validation)


def _say_again(task: Task, run: RunDirectory) -> None:
    """Prepare aside what is prepared already, to hear what there is to say of the files."""
    if run.prepared.exists():
        with TemporaryDirectory(dir=run.path) as aside:
            task.prepare(Path(aside) / "prepared")


def _data(
    task: Task, prepared: Path | None, run: RunDirectory, distribution: Distribution
) -> TrainingData:
    def on_chief() -> TrainingData:
        if prepared is not None:
            return task.open(prepared, is_chief=True)
        if run.model() is not None:
            # Before the run's prepared data set is replaced.
            _check_same_data(run, task.config, task.fingerprint())
        return task.prepare(run.prepared)

    data = distribution.first_on_chief(on_chief)
    if data is None:
        data = task.open(prepared or run.prepared, is_chief=False)
    if data.fingerprint != distribution.broadcast_object(data.fingerprint):
        raise InputError(
            f"{prepared or run.prepared} is not the same data set here as for process 0. "
            "All processes need the same one."
        )
    return data


def _check_same_settings(run: RunDirectory, config: RunConfig) -> None:
    model = run.model()
    if model is None:
        return
    if model != config.model:
        changed = [f"model: {model} -> {config.model}"]
    else:
        changed = differences(run.recorded(type(config))[0], config)
    if changed:
        raise InputError(
            f"{run.path} holds a run with other settings ({'; '.join(changed)}). Use the same "
            "settings to go on with it, --fresh for a new directory, or another --run-dir."
        )


def _check_same_data(run: RunDirectory, config: RunConfig, fingerprint: str) -> None:
    if run.model() is not None and run.recorded(type(config))[1] != fingerprint:
        raise InputError(
            f"{run.path} holds a run on other training data: it has changed since. Use the same "
            "data to go on with it, --fresh for a new directory, or another --run-dir."
        )

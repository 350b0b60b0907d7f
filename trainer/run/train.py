"""Training from a project to run directories: the composition root, in the order it happens."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

from data_pipeline.batches.plans import batch_size_of_epoch
from data_pipeline.errors import InputError
from trainer.checkpoints.checkpoint import Checkpointer, checkpoints
from trainer.checkpoints.commits import Commits, Job
from trainer.checkpoints.position import Position
from trainer.checkpoints.saver import CheckpointPolicy, Saver
from trainer.config.run_config import RunConfig, differences
from trainer.distribution.distribution import Distribution, make_distribution
from trainer.distribution.started_alike import check_started_alike
from trainer.distribution.world_size import is_elastic
from trainer.records.run_directory import RunDirectory, fresh_directory
from trainer.records.run_lock import RunLock
from trainer.run.signals import stop_on_signal
from trainer.task import Task, TrainingData
from trainer.training.callbacks import MetricsFile, ProgressLine, TensorBoardScalars
from trainer.training.loop import Trainer
from trainer.training.model_summary import model_summary, weights_in_words
from trainer.training.profiling import ProfiledSteps, allow_profiling
from trainer.training.validation import split

logger = logging.getLogger(__name__)


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
    """

    tasks: Sequence[Task]
    run_dir: Path
    prepared: Path | None = None
    fresh: bool = False
    init_from: Path | None = None
    profile: bool = False


def train(request: TrainRequest) -> str | None:
    """Train, or go on training, what was asked for.

    Returns:
        What came of it and what to do next, for the user; None on all processes but the chief.

    Raises:
        InputError: bad input; also `Diverged`, when a gradient is not finite.
        Stopped: a signal ended it after a step, with a checkpoint.
    """
    if request.profile:
        allow_profiling()
    if is_elastic():
        from trainer.distribution.elastic import train_elastically  # imports Horovod

        return train_elastically(lambda job: _train_all(request, job))
    return _train_all(request)


def _train_all(request: TrainRequest, job: Job | None = None) -> str | None:
    """What `train` does, in this world of processes if there is a `job` that outlives it."""
    options = request.tasks[0].config.trainer  # ours are the same for all
    distribution = make_distribution(
        options.strategy,
        logical_cpu_devices=options.logical_cpu_devices,
        gradient_compression=options.gradient_compression,
    )
    check_started_alike(distribution, lambda: _facts_of_start(request))
    for task in request.tasks:
        _check_batch_size(task.config, distribution)
    directory = _directory(request, distribution, job)
    results = []
    for number, task in enumerate(request.tasks):
        place = place_of(number, task.config)
        prepared = request.prepared / place if request.prepared else None
        here = replace(request, tasks=(task,), prepared=prepared)
        with ExitStack() as until_done:
            run = RunDirectory(directory / place)
            results.append(_train_one(here, task, run, distribution, until_done, job))
    if job is not None:
        # Only once the chief has written all is there nothing left that others could take over.
        distribution.wait_for_all()
    return "\n".join(results) if distribution.is_chief else None


def _facts_of_start(request: TrainRequest) -> dict[str, Any]:
    """What must be the same for all processes; a given data set is looked at where it is opened."""
    own_data = request.prepared is None
    return {
        "configuration": {task.config.name: task.config.to_json() for task in request.tasks},
        "data": {task.config.name: task.fingerprint() for task in request.tasks if own_data},
        "fresh": request.fresh,
        "init_from": request.init_from is not None,
    }


def _directory(request: TrainRequest, distribution: Distribution, job: Job | None) -> Path:
    """Where results go, the same for all processes, and for all worlds of a job."""
    if not request.fresh:
        return request.run_dir
    decided = job.directory if job is not None else None
    # Asked once, since the chief is about to make it.
    directory = distribution.broadcast_object(decided or fresh_directory(request.run_dir))
    if job is not None:
        job.directory = directory
    return directory


def place_of(number: int, config: RunConfig) -> str:
    """Where the run or data set of the task with this number lies in the directory of all."""
    return config.name if number else ""


def _train_one(
    request: TrainRequest,
    task: Task,
    run: RunDirectory,
    distribution: Distribution,
    until_done: ExitStack,
    job: Job | None,
) -> str:
    config, options = task.config, task.config.options
    # 1. A directory to write to, for us alone.
    if distribution.is_chief:
        run.create()
        lock = until_done.enter_context(RunLock(run.path))
    # 2. Data: the chief prepares, the others open what it made.
    _check_same_settings(run, config)
    task = task.starting_from(request.init_from, run)
    data = _data(task, request.prepared, run, distribution)
    _check_same_data(run, config, data.fingerprint)
    examples, validation = split(data.store, options, balanced=task.balances_held_out)
    # 3. Model, optimizer and every variable.
    trainer = _trainer(task, data, distribution)
    if distribution.is_chief:
        weights = trainer.model.weight_counts()
        logger.info("The model has %s.", weights_in_words(weights))
        run.record({**_facts(task, data), "weights": weights}, data.fitted)
    # 4. Restore or start from another run, train, checkpoint.
    checkpointer = Checkpointer(
        run.checkpoints,
        trainer.variables,
        keep=config.trainer.keep_checkpoints,
        keep_best=options.checkpoint_model,
    )
    if task.start and distribution.is_chief and not checkpoints(run.checkpoints):
        task.start.initialise(trainer, data.fitted, options.seed)
    saver = Saver(
        checkpointer if distribution.is_chief else None,
        CheckpointPolicy(
            config.trainer.checkpoint_every_steps, config.trainer.checkpoint_every_minutes
        ),
        {"fingerprint": data.fingerprint},
    )
    with stop_on_signal(trainer.agreement):
        history = trainer.fit(
            examples,
            schedule=config.schedule,
            validation=validation,
            early_stopping_patience=config.trainer.early_stopping_patience,
            callbacks=_callbacks(request, run, trainer, lock) if distribution.is_chief else (),
            saver=saver,
            commits=Commits(job, run.path, checkpointer) if job is not None else None,
        )
    return _result(task, run, trainer.position, trained=bool(history.epoch))


def _trainer(task: Task, data: TrainingData, distribution: Distribution) -> Trainer:
    config = task.config
    logger.info("Building the model.")
    return Trainer(
        lambda: task.make_model(data.fitted),
        learning_rate=config.options.learning_rate,
        distribution=distribution,
        seed=config.options.seed,
        clip_norm=config.trainer.clip_norm,
    )


def _result(task: Task, run: RunDirectory, position: Position, *, trained: bool) -> str:
    epochs = task.config.options.epochs
    what = "Trained" if trained else "Training was complete already:"
    what += f" {position.epoch} epochs of {task.config.model.upper()}."
    if position.epoch < epochs:
        what += (
            f" Stopped early, of {epochs}: the last {position.best.evaluations_since} "
            f"evaluations were not better than the one after step {position.best.step}."
        )
    program = _this_python()
    next_commands = [f"trainer {command}" for command in task.next_commands(run.path)]
    next_commands.append(f"tensorboard.main --logdir {run.path}")
    lines = [f"  {program} -m {command}" for command in next_commands]
    return "\n".join([f"{what} Run directory: {run.path}", "Next:", *lines])


def _this_python() -> str:
    """How the user can call this interpreter from the current directory."""
    if shutil.which("python") == sys.executable:
        return "python"
    relative = os.path.relpath(sys.executable)
    return sys.executable if relative.startswith("..") else relative


def _check_batch_size(config: RunConfig, distribution: Distribution) -> None:
    options = config.options
    smallest = batch_size_of_epoch(options.batch_size, 0, options.epochs)
    if smallest < distribution.num_replicas:
        raise InputError(
            f"batch_size is global and must be at least the number of devices, "
            f"{distribution.num_replicas}. Received: {options.batch_size}"
        )


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


def _facts(task: Task, data: TrainingData) -> dict:
    packages = ("tensorflow", "keras", "numpy")
    return {
        "model": task.config.model,
        "config": task.config.to_json(),
        "fingerprint": data.fingerprint,
        "examples": len(data.store),
        **({"init_from": task.start.to_json()} if task.start else {}),
        "versions": {package: version(package) for package in packages},
    }


def _callbacks(
    request: TrainRequest, run: RunDirectory, trainer: Trainer, lock: RunLock
) -> list[keras.callbacks.Callback]:
    texts = {
        "configuration": json.dumps(request.tasks[0].config.to_json(), indent=1),
        "model": model_summary(trainer.model),
    }
    profile = [ProfiledSteps(run.tensorboard, trainer.distribution)] if request.profile else []
    return [
        *profile,
        ProgressLine(),
        MetricsFile(run.metrics),
        TensorBoardScalars(run.tensorboard, texts),
        keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: lock.check()),
    ]

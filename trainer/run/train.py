"""Training from a project to run directories: the composition root, in the order it happens."""

from __future__ import annotations

import json
import logging
import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import keras

from data_pipeline.batches.plans import batch_size_of_epoch
from data_pipeline.errors import InputError
from data_pipeline.warnings_to_user import told_once
from trainer.checkpoints.checkpoint import Checkpointer, checkpoints
from trainer.checkpoints.commits import Commits, Job
from trainer.checkpoints.saver import CheckpointPolicy, Saver
from trainer.config.run_config import RunConfig
from trainer.distribution.distribution import Distribution, make_distribution
from trainer.distribution.started_alike import check_started_alike
from trainer.distribution.world_size import is_elastic
from trainer.errors import Stopped
from trainer.records.run_directory import fresh_directory
from trainer.run.opening import OpenedRun, open_run
from trainer.run.request import Result, TrainRequest
from trainer.run.signals import stop_on_signal
from trainer.run.strictness import warnings_as_errors
from trainer.run.summary import summary
from trainer.task import Task, TrainingData
from trainer.training.callbacks import MetricsFile, ProgressLine, TensorBoardScalars
from trainer.training.loop import TrainingLoop
from trainer.training.model_summary import model_summary, weights_in_words
from trainer.training.profiling import ProfiledSteps, allow_profiling

logger = logging.getLogger(__name__)


@told_once()
def train(request: TrainRequest) -> Result:
    """Train, or go on training, what was asked for: one model after the other.

    The first one that fails ends all. Those before it stay trained, and the same command goes on.

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


def _train_all(request: TrainRequest, job: Job | None = None) -> Result:
    """What `train` does, in this world of processes if there is a `job` that outlives it."""
    options = request.tasks[0].config.trainer  # ours are the same for all
    distribution = make_distribution(
        options.strategy,
        logical_cpu_devices=options.logical_cpu_devices,
        gradient_compression=options.gradient_compression,
    )
    with ExitStack() as until_done:
        # All data is read, checked and split before anything is trained.
        with warnings_as_errors(request.strict):
            check_started_alike(distribution, lambda: _facts_of_start(request))
            for task in request.tasks:
                _check_batch_size(task.config, distribution)
            directory = _directory(request, distribution, job)
            opened = [
                open_run(request, number, directory, distribution, until_done)
                for number in range(len(request.tasks))
            ]
            for run in opened[1:]:  # the first is made at once
                run.task.make_model(run.data.fitted)
        results: list[str] = []
        try:
            for run in opened:
                results.append(_train_one(request, run, distribution, job))
        except BaseException as error:
            for done in results:  # what the caller will not hear
                logger.info("%s", done)
            if isinstance(error, Stopped) and request.fresh and error.how_to_go_on:
                # The same command would start over once more.
                error.how_to_go_on = (
                    f"Go on with --run-dir {shlex.quote(str(directory))} in the place of --fresh."
                )
            raise
    if job is not None:
        # Only once the chief has written all is there nothing left that others could take over.
        distribution.wait_for_all()
    return Result(directory, distribution.is_chief, "\n".join(results))


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


def _train_one(
    request: TrainRequest, opened: OpenedRun, distribution: Distribution, job: Job | None
) -> str:
    task, run, data = opened.task, opened.directory, opened.data
    config, options = task.config, task.config.options
    # 3. (1. and 2. are in `open_run`.) Model, optimizer and every variable.
    trainer = _trainer(task, data, distribution)
    if distribution.is_chief:
        weights = trainer.model.weight_counts()
        logger.info("The model has %s.", weights_in_words(weights))
        start = {"init_from": task.start.to_json()} if task.start else {}
        of_project = {"components": dict(request.components), **start, "weights": weights}
        run.record({**data.facts(config), **of_project}, data.fitted)
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
            config.trainer.checkpoint_every_steps,
            config.trainer.checkpoint_every_minutes,
            config.trainer.checkpoint_min_seconds,
        ),
        {"fingerprint": data.fingerprint},
    )
    with stop_on_signal(trainer.agreement):
        history = trainer.fit(
            opened.examples,
            schedule=config.schedule,
            validation=opened.validation,
            early_stopping_patience=config.trainer.early_stopping_patience,
            callbacks=_callbacks(request, opened, trainer) if distribution.is_chief else (),
            saver=saver,
            commits=Commits(job, run.path, checkpointer) if job is not None else None,
        )
    if distribution.is_chief:  # 5. What only the trained model can tell.
        task.conclude(run, data)
    position = trainer.position
    return summary(task, run, position, trained=bool(history.epoch) or position.step_in_epoch > 0)


def _trainer(task: Task, data: TrainingData, distribution: Distribution) -> TrainingLoop:
    config = task.config
    logger.info("Building the model.")
    return TrainingLoop(
        lambda: task.make_model(data.fitted),
        learning_rate=config.options.learning_rate,
        distribution=distribution,
        seed=config.options.seed,
        clip_norm=config.trainer.clip_norm,
    )


def _check_batch_size(config: RunConfig, distribution: Distribution) -> None:
    options = config.options
    smallest = batch_size_of_epoch(options.batch_size, 0, options.epochs)
    if smallest < distribution.num_replicas:
        raise InputError(
            f"batch_size is global and must be at least the number of devices, "
            f"{distribution.num_replicas}. Received: {options.batch_size}"
        )


def _callbacks(
    request: TrainRequest, opened: OpenedRun, trainer: TrainingLoop
) -> list[keras.callbacks.Callback]:
    run, lock = opened.directory, opened.lock
    assert lock is not None, "callbacks are of the chief alone"
    texts = {
        "configuration": json.dumps(opened.task.config.to_json(), indent=1),
        "model": model_summary(trainer.model),
    }
    profile = [ProfiledSteps(run.tensorboard, trainer.distribution)] if request.profile else []
    return [
        *profile,
        ProgressLine(),
        MetricsFile(run.metrics),
        TensorBoardScalars(run.tensorboard, texts),
        keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: lock.check()),
        *request.callbacks,
    ]

"""Training from a project to a run directory: the composition root, in the order it happens."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import keras

from data_pipeline.errors import InputError
from data_pipeline.feature_settings import (
    FeatureSettings,
    check_same_files,
    check_same_settings,
)
from data_pipeline.nlu_files import find_nlu_files
from data_pipeline.prepare import prepare
from data_pipeline.prepared import PreparedDataset, open_prepared
from data_pipeline.sampling import batch_size_of_epoch
from trainer.callbacks import MetricsFile, ProgressLine, TensorBoardScalars
from trainer.checkpoint import Checkpointer, Position, checkpoints
from trainer.config import RunConfig, differences
from trainer.distribution import Distribution, make_distribution
from trainer.loop import Trainer
from trainer.model_of_run import make_diet
from trainer.profiling import ProfiledSteps, allow_profiling
from trainer.project import Project
from trainer.run_directory import RunDirectory, fresh_directory
from trainer.run_lock import RunLock
from trainer.saver import CheckpointPolicy
from trainer.validation import split
from trainer.warm_start import WarmStart

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainRequest:
    """What the user asked for.

    Attributes:
        run_dir: where results go; an existing run there goes on.
        prepared: a prepared data set to use instead of preparing one.
        fresh: start over, in a new directory.
        init_from: an earlier run whose weights and vocabularies to start from.
        profile: whether to profile a few steps.
    """

    project: Project
    config: RunConfig
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
    with ExitStack() as until_done:
        return _train(request, until_done)


def _train(request: TrainRequest, until_done: ExitStack) -> str | None:
    config = request.config
    # 1. Devices.
    if request.profile:
        allow_profiling()
    distribution = make_distribution(
        config.trainer.strategy,
        logical_cpu_devices=config.trainer.logical_cpu_devices,
        gradient_compression=config.trainer.gradient_compression,
    )
    _check_batch_size(config, distribution)
    # 2. A directory to write to, for us alone.
    run = RunDirectory(fresh_directory(request.run_dir) if request.fresh else request.run_dir)
    if distribution.is_chief:
        run.create()
        lock = until_done.enter_context(RunLock(run.path))
    # 3. Data: the chief prepares, the others open what it made.
    _check_same_settings(run, config)
    start = WarmStart.find(request.init_from, run, config)
    features = replace(config.feature_settings, earlier=start.features if start else None)
    dataset = _dataset(request, features, run, distribution)
    _check_same_data(run, dataset.fingerprint)
    examples, validation = split(dataset.store, config.diet)
    # 4. Model, optimizer and every variable.
    logger.info("Building the model.")
    trainer = Trainer(
        lambda: make_diet(config, dataset.pipeline, config.trainer.precision),
        learning_rate=config.diet.learning_rate,
        distribution=distribution,
        seed=config.diet.random_seed,
        clip_norm=config.trainer.clip_norm,
    )
    if distribution.is_chief:
        weights = trainer.model.weight_counts()
        logger.info("The model has %s.", weights_in_words(weights))
        run.record({**_facts(config, dataset, start), "weights": weights}, dataset.pipeline)
    # 5. Restore or start from another run, train, checkpoint.
    checkpointer = Checkpointer(
        run.checkpoints,
        trainer.variables,
        keep=config.trainer.keep_checkpoints,
        keep_best=config.diet.checkpoint_model,
    )
    if start and distribution.is_chief and not checkpoints(run.checkpoints):
        start.initialise(trainer, dataset.pipeline, config.diet.random_seed)
    with _stop_on_signal(trainer):
        history = trainer.fit(
            examples,
            schedule=config.schedule,
            validation=validation,
            early_stopping_patience=config.trainer.early_stopping_patience,
            callbacks=_callbacks(request, run, trainer, lock) if distribution.is_chief else (),
            checkpointer=checkpointer,
            checkpoint_policy=CheckpointPolicy(
                config.trainer.checkpoint_every_steps, config.trainer.checkpoint_every_minutes
            ),
            checkpoint_state={"fingerprint": dataset.fingerprint},
        )
    if not distribution.is_chief:
        return None
    return _result(run, config, trainer.position, trained=bool(history.epoch))


def _result(run: RunDirectory, config: RunConfig, position: Position, *, trained: bool) -> str:
    what = "Trained" if trained else "Training was complete already:"
    what += f" {position.epoch} epochs."
    if position.epoch < config.diet.epochs:
        what += (
            f" Stopped early, of {config.diet.epochs}: the last {position.best.evaluations_since} "
            f"evaluations were not better than the one after step {position.best.step}."
        )
    program = _this_python()
    return (
        f"{what} Run directory: {run.path}\n"
        "Next:\n"
        f"  {program} -m trainer evaluate {run.path} --nlu TEST_FILE\n"
        f"  {program} -m trainer predict {run.path}\n"
        f"  {program} -m trainer export {run.path}\n"
        f"  {program} -m tensorboard.main --logdir {run.path}"
    )


def _this_python() -> str:
    """How the user can call this interpreter from the current directory."""
    if shutil.which("python") == sys.executable:
        return "python"
    relative = os.path.relpath(sys.executable)
    return sys.executable if relative.startswith("..") else relative


def _check_batch_size(config: RunConfig, distribution: Distribution) -> None:
    smallest = batch_size_of_epoch(config.diet.batch_size, 0, config.diet.epochs)
    if smallest < distribution.num_replicas:
        raise InputError(
            f"batch_size is global and must be at least the number of devices, "
            f"{distribution.num_replicas}. Received: {config.diet.batch_size}"
        )


def _dataset(
    request: TrainRequest,
    settings: FeatureSettings,
    run: RunDirectory,
    distribution: Distribution,
) -> PreparedDataset:
    directory = request.prepared or run.prepared
    if distribution.is_chief and request.prepared is None:
        if run.recorded() is not None:
            # Before the run's prepared data set is replaced.
            _check_same_data(run, settings.fingerprint(find_nlu_files(request.project.nlu)))
        dataset = prepare(
            request.project.nlu,
            settings,
            directory,
            processes=request.config.trainer.prepare_processes,
        )
        distribution.wait_for_all()
        return dataset
    distribution.wait_for_all()
    dataset = open_prepared(directory, verify=distribution.is_chief)
    check_same_settings(dataset, settings)
    if distribution.is_chief:
        check_same_files(dataset, settings, request.project.nlu)
    return dataset


def _check_same_settings(run: RunDirectory, config: RunConfig) -> None:
    recorded = run.recorded()
    changed = differences(recorded[0], config) if recorded else []
    if changed:
        raise InputError(
            f"{run.path} holds a run with other settings ({'; '.join(changed)}). Use the same "
            "settings to go on with it, --fresh for a new directory, or another --run-dir."
        )


def _check_same_data(run: RunDirectory, fingerprint: str) -> None:
    recorded = run.recorded()
    if recorded and recorded[1] != fingerprint:
        raise InputError(
            f"{run.path} holds a run on other training data: it has changed since. Use the same "
            "data to go on with it, --fresh for a new directory, or another --run-dir."
        )


def _facts(config: RunConfig, dataset: PreparedDataset, start: WarmStart | None) -> dict:
    packages = ("tensorflow", "keras", "numpy")
    return {
        "config": config.to_json(),
        "fingerprint": dataset.fingerprint,
        "examples": len(dataset.store),
        **({"init_from": start.to_json()} if start else {}),
        "versions": {package: version(package) for package in packages},
    }


def _callbacks(
    request: TrainRequest, run: RunDirectory, trainer: Trainer, lock: RunLock
) -> list[keras.callbacks.Callback]:
    texts = {
        "configuration": json.dumps(request.config.to_json(), indent=1),
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


def weights_in_words(weights: Mapping[str, int]) -> str:
    """What `DIET.weight_counts` counted: weights that do not exist are not counted as trained."""
    words = f"{weights['connected']:,} trainable weights"
    missing = weights["stored"] - weights["connected"]
    return f"{words} (connection_density leaves out {missing:,} others)" if missing else words


def model_summary(model: keras.Model) -> str:
    """The layers of the model as a tree, what is trained of it, and every variable's shape."""
    lines: list[str] = []
    model.summary(expand_nested=True, print_fn=lambda text, **_: lines.append(text))
    lines.append(f"Connected: {weights_in_words(model.weight_counts())}")
    lines += [f"{variable.path}  {tuple(variable.shape)}" for variable in model.variables]
    return "\n".join(lines)


@contextmanager
def _stop_on_signal(trainer: Trainer) -> Iterator[None]:
    """Ctrl-C and SIGTERM end training after the current step, with a checkpoint.

    A second one ends it at once.
    """

    def stop(number: int, _frame) -> None:
        if trainer.stop_requested is not None:
            sys.exit(128 + number)
        logger.info("Stopping after this step; again to stop at once.")
        trainer.stop_requested = number

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

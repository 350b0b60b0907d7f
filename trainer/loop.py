"""The training loop: epochs of steps, and the same end after any interruption.

    restore -> for each epoch: plan -> for each step: train, save if due -> validate -> save

The position (epoch, step) says it all: plans and random draws are computed from it.
"""

from __future__ import annotations

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from data_pipeline.dataset import make_dataset
from data_pipeline.example_store import ExampleStore
from data_pipeline.sampling import Plan, Schedule
from model.batch import check_batch
from trainer.checkpoint import Checkpointer, Position
from trainer.distribution import Distribution, make_distribution
from trainer.errors import Diverged, Stopped
from trainer.optimizer import FusedAdam
from trainer.precision import LossScale
from trainer.saver import CheckpointPolicy, Saver
from trainer.step import TrainStep, regularisation_loss

logger = logging.getLogger(__name__)


class Trainer:
    """Trains a model on all the devices of a distribution.

    >>> trainer = Trainer(lambda: DIET(sizes, options), distribution="auto")     # doctest: +SKIP
    >>> history = trainer.fit(store, schedule=Schedule(100, [64, 256]))          # doctest: +SKIP

    Args:
        make_model: makes the model; called in the distribution's scope.
        learning_rate: of Adam.
        distribution: a `Distribution`, or a strategy's name.
        seed: determines initial weights and every random draw.
        clip_norm: largest global norm of a gradient; None = no limit.
    """

    def __init__(
        self,
        make_model: Callable[[], keras.Model],
        *,
        learning_rate: float = 0.001,
        distribution: Distribution | str = "auto",
        seed: int = 0,
        clip_norm: float | None = None,
    ):
        if isinstance(distribution, str):
            distribution = make_distribution(distribution)
        self.distribution = distribution
        keras.utils.set_random_seed(seed)
        with distribution.scope():
            self.model = make_model()
            self.model.build()
            self.optimizer = FusedAdam(learning_rate, name="adam")
            self.optimizer.build(self.model.trainable_variables)
            self.loss_scale = LossScale(self.model.dtype_policy.name)
        self._step = TrainStep(
            self.model,
            self.optimizer,
            distribution,
            self.loss_scale,
            seed=seed,
            clip_norm=clip_norm,
        )
        self.stop_requested = False

    @property
    def variables(self) -> dict[str, list[Any]]:
        """What a checkpoint holds, by group."""
        return {
            "model": self.model.variables,
            "optimizer": self.optimizer.variables,
            "loss_scale": self.loss_scale.variables,
        }

    def fit(
        self,
        train: ExampleStore,
        *,
        schedule: Schedule,
        validate: Callable[[int], Mapping[str, float]] | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        checkpointer: Checkpointer | None = None,
        checkpoint_policy: CheckpointPolicy | None = None,
        checkpoint_state: Mapping[str, Any] | None = None,
    ) -> keras.callbacks.History:
        """Train, or go on training, until `schedule.epochs` are done.

        Args:
            validate: called after each epoch with its number; returns metrics (maybe none).
            checkpointer: restores the newest checkpoint first; only the chief writes.
            checkpoint_state: kept in every checkpoint's `state.json`.

        Raises:
            Diverged: a loss or gradient is not finite (float16 steps are skipped instead).
            Stopped: `stop_requested` was set; a checkpoint was written.
        """
        own = checkpointer if self.distribution.is_chief else None
        position = self._restore(own)
        saver = Saver(own, checkpoint_policy or CheckpointPolicy(), dict(checkpoint_state or {}))
        saver.start_at(position)
        history = keras.callbacks.History()
        callback_list = keras.callbacks.CallbackList([*callbacks, history], model=self.model)
        callback_list.set_params(
            {
                "epochs": schedule.epochs,
                "first_epoch": position.epoch,
                "first_step": position.step,
            }
        )
        callback_list.on_train_begin()
        while position.epoch < schedule.epochs and not self.model.stop_training:
            position = self._epoch(train, schedule, position, callback_list, saver, validate)
        callback_list.on_train_end()
        return history

    def _restore(self, checkpointer: Checkpointer | None) -> Position:
        """Everybody's starting point. Variables exist already, so what is sent is what is used."""
        position = checkpointer.restore() if checkpointer is not None else None
        for variables in self.variables.values():
            self.distribution.broadcast(variables)
        self.model.stop_training = False
        return self.distribution.broadcast_object(position or Position())

    def _epoch(
        self,
        train: ExampleStore,
        schedule: Schedule,
        position: Position,
        callbacks: keras.callbacks.CallbackList,
        saver: Saver,
        validate: Callable[[int], Mapping[str, float]] | None,
    ) -> Position:
        plan = schedule.plan(train.labels, position.epoch)
        callbacks.on_epoch_begin(
            position.epoch, {"steps": plan.steps, "done": position.step_in_epoch}
        )
        sums: dict[str, float] = defaultdict(float, position.sums)
        started = time.perf_counter()
        for batch in self._batches(train, plan, position.step_in_epoch):
            result = {
                name: float(value) for name, value in self._step(batch, position.step).items()
            }
            self._check(result, position)
            for name, value in result.items():
                sums[name] += value
            now = time.perf_counter()
            sums["seconds"] += now - started
            started = now
            position = Position(
                position.step + 1, position.epoch, position.step_in_epoch + 1, dict(sums)
            )
            callbacks.on_train_batch_end(position.step, term_means(result))
            saver.save_if_due(position)
            if self.stop_requested:
                saver.save(position)
                raise Stopped(
                    f"Stopped after step {position.step}, in epoch {position.epoch + 1}; a "
                    "checkpoint was written. The same command goes on from here."
                )
        logs = {**term_means(sums), **self._epoch_facts(sums, plan)}
        if validate is not None:
            logs.update(validate(position.epoch))
        callbacks.on_epoch_end(position.epoch, logs)
        position = Position(position.step, position.epoch + 1, 0)
        saver.save(position)
        return position

    def _batches(self, train: ExampleStore, plan: Plan, first_step: int):
        """What is left of the epoch, for this process' replicas."""
        signature = self.model.training_signature()

        def dataset(context: tf.distribute.InputContext) -> tf.data.Dataset:
            made = make_dataset(train, plan, signature, context, first_step=first_step)
            check_batch(signature, made.element_spec)
            return made

        batches = self.distribution.dataset(dataset)
        if not self._step.compiled:
            self._step.compile(batches.element_spec)
        return batches

    def _check(self, result: Mapping[str, float], position: Position) -> None:
        if result["finite"]:
            return
        if self.loss_scale.dynamic and self.loss_scale.current() > 1:
            logger.info("Step %d overflowed in float16 and was skipped.", position.step + 1)
            return
        losses = {name: f"{value:.4g}" for name, value in term_means(result).items()}
        raise Diverged(
            f"A gradient is not finite at step {position.step + 1} of epoch {position.epoch + 1} "
            f"({losses}). The step was not applied, and checkpoints are from before it. Lower "
            "learning_rate or set clip_norm, with --fresh, or look at the data."
        )

    def _epoch_facts(self, sums: Mapping[str, float], plan: Plan) -> dict[str, float]:
        return {
            "l2": regularisation_loss(self.model),
            "seconds": sums["seconds"],
            "examples": plan.examples,
            "examples_per_second": plan.examples / max(sums["seconds"], 1e-9),
            "global_batch_size": plan.batch_size,
            "steps": plan.steps,
        }


def term_means(sums: Mapping[str, float]) -> dict[str, float]:
    """`total / weight` of every term whose sums are given, and their sum as `loss`.

    >>> term_means({"loss/intent/total": 6.0, "loss/intent/weight": 3.0})
    {'loss/intent': 2.0, 'loss': 2.0}
    """
    names = [name.removesuffix("/weight") for name in sums if name.endswith("/weight")]
    means = {name: sums[f"{name}/total"] / max(sums[f"{name}/weight"], 1e-9) for name in names}
    means["loss"] = math.fsum(value for name, value in means.items() if name.startswith("loss/"))
    return means

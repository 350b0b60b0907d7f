"""The training loop: epochs of steps, and the same end after any interruption.

    restore -> for each epoch: plan -> for each step: train, save if due -> evaluate -> save

The position (epoch, step) says it all: plans and random draws are computed from it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import tensorflow as tf

from data_pipeline.batches.dataset import BatchSource, make_dataset
from data_pipeline.batches.plans import Plan, Schedule, in_order_plan
from model.batch import check_batch
from trainer.checkpoints.checkpoint import Checkpointer
from trainer.checkpoints.commits import Commit, Commits, Wish
from trainer.checkpoints.position import Position
from trainer.checkpoints.saver import CheckpointPolicy, Saver
from trainer.distribution.distribution import Distribution, make_distribution
from trainer.distribution.traffic import facts_of_epoch
from trainer.errors import Diverged, Stopped
from trainer.training.optimizer import make_optimizer
from trainer.training.precision import LossScale
from trainer.training.step import TrainStep, regularisation_loss
from trainer.training.term_means import term_means
from trainer.training.validation import EvaluationStep, Validation

logger = logging.getLogger(__name__)

SIGNAL_SECONDS = 1.0
"""How far apart a signal that is meant for all processes may reach them."""


@dataclass(frozen=True)
class _Fit:
    """What stays the same during one call of `fit`."""

    train: BatchSource
    schedule: Schedule
    validation: Validation | None
    early_stopping_patience: int | None
    callbacks: keras.callbacks.CallbackList
    saver: Saver
    commits: Commits | None

    def is_over(self, position: Position) -> bool:
        patience = self.early_stopping_patience
        stale = patience is not None and position.best.evaluations_since >= patience
        return stale or position.epoch >= self.schedule.epochs


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
            self.optimizer = make_optimizer(self.model, float(learning_rate))
            self.loss_scale = LossScale(self.model.dtype_policy.name)
        self._step = TrainStep(
            self.model,
            self.optimizer,
            distribution,
            self.loss_scale,
            seed=seed,
            clip_norm=clip_norm,
        )
        self._evaluation = EvaluationStep(self.model, distribution)
        self.stop_requested: int | None = None  # the number of the signal that asked for it
        self.position = Position()

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
        train: BatchSource,
        *,
        schedule: Schedule,
        validation: Validation | None = None,
        early_stopping_patience: int | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        checkpointer: Checkpointer | None = None,
        checkpoint_policy: CheckpointPolicy | None = None,
        checkpoint_state: Mapping[str, Any] | None = None,
        commits: Commits | None = None,
    ) -> keras.callbacks.History:
        """Train, or go on training, until `schedule.epochs` are done; `position` tells where it is.

        Args:
            validation: examples to evaluate on and when; figures are named `val_…`.
            early_stopping_patience: end after so many evaluations that were not better than the
                best one (see `BestSoFar`).
            checkpointer: restores the newest checkpoint first; only the chief writes.
            checkpoint_state: kept in every checkpoint's `state.json`.
            commits: of an elastic job; training goes on from the newest one.

        Raises:
            Diverged: a loss or gradient is not finite (float16 steps are skipped instead).
            Stopped: `stop_requested` was set; a checkpoint was written.
        """
        own = checkpointer if self.distribution.is_chief else None
        commit = self._restore(own, commits)
        history = keras.callbacks.History()
        called = keras.callbacks.CallbackList([*callbacks, history], model=self.model)
        first = {"first_epoch": self.position.epoch, "first_step": self.position.step}
        called.set_params({"epochs": schedule.epochs, **first})
        policy = checkpoint_policy or CheckpointPolicy()
        with Saver(own, policy, dict(checkpoint_state or {})) as saver:
            saver.start_at(self.position)
            fit = _Fit(train, schedule, validation, early_stopping_patience, called, saver, commits)
            if commit is not None:
                saver.save(commit.position)
            if 0 < self.position.step and not fit.is_over(self.position):
                at = self.position
                logger.info("Going on after step %d, in epoch %d.", at.step, at.epoch + 1)
            called.on_train_begin()
            while not fit.is_over(self.position) and not self.model.stop_training:
                self._epoch(fit)
            called.on_train_end()
        return history

    def evaluate(self, examples: BatchSource, batch_size: int) -> dict[str, float]:
        """How good the model is now, without noise; the same for any number of devices.

        Returns:
            `loss`, `loss/…`, and the metrics of the model's `evaluation_terms`.
        """
        return self._evaluation.measure(
            self._batches(examples, in_order_plan(len(examples), batch_size))
        )

    def _restore(self, own: Checkpointer | None, commits: Commits | None) -> Commit | None:
        """Go to everybody's starting point, the newest checkpoint or a commit.

        Variables exist already, so what is sent is what is used.

        Returns:
            That commit, on the chief, if it is not on disk.
        """
        position, commit = None, None
        if own is not None:
            position = own.restore()
            commit = commits.newer_than(position) if commits is not None else None
            position = position if commit is None else commit.position
        # At once, since Horovod traces a graph for each call.
        self.distribution.broadcast([v for group in self.variables.values() for v in group])
        self.model.stop_training = False
        self.position = self.distribution.broadcast_object(position or Position())
        return commit

    def _epoch(self, fit: _Fit) -> None:
        """What is left of the current epoch."""
        epoch = self.position.epoch
        plan = fit.schedule.plan(fit.train.labels, epoch)
        fit.callbacks.on_epoch_begin(
            epoch, {"steps": plan.steps, "done": self.position.step_in_epoch}
        )
        self._steps(fit, self._batches(fit.train, plan, self.position.step_in_epoch), plan.steps)
        self._step.bring_up_to_date()
        sums = self.position.sums
        logs = {**term_means(sums), **self._epoch_facts(sums, plan)}
        best = self.position.best
        if fit.validation is not None and fit.validation.is_due(epoch):
            metrics = self.evaluate(fit.validation.examples, fit.validation.batch_size)
            logs |= {f"val_{name}": value for name, value in metrics.items()}
            # Decided once, since everything that follows from it must be the same everywhere.
            best = self.distribution.broadcast_object(best.after(metrics, self.position.step))
        fit.callbacks.on_epoch_end(epoch, logs)
        self.position = Position(self.position.step, epoch + 1, best=best)
        # No commit here: only when the chief has taken part in the next step has it told of this
        # epoch for certain. Were it killed before, the others would have to do that from a commit.
        fit.saver.save(self.position, logs)

    def _steps(self, fit: _Fit, batches: Iterable, steps: int) -> None:
        """Train on `batches`, the last of the epoch's `steps`."""
        if not self._step.compiled:
            self._step.compile(batches.element_spec)
        started = time.perf_counter()
        for batch in batches:
            at = self.position
            result = {name: float(value) for name, value in self._step(batch, at.step).items()}
            self._check(result, at)
            now = time.perf_counter()
            counted = dict(result) if result["finite"] else {}  # else its losses are not numbers
            counted["seconds"], started = now - started, now
            sums = {name: at.sums.get(name, 0.0) + value for name, value in counted.items()}
            self.position = at = replace(
                at,
                step=at.step + 1,
                step_in_epoch=at.step_in_epoch + 1,
                sums={**at.sums, **sums},
            )
            logs = {**term_means(result), **self._step.facts(result)}
            fit.callbacks.on_train_batch_end(at.step, logs)
            if at.step_in_epoch < steps:  # after the last one the epoch's end is saved
                fit.saver.save_if_due(at)
            self._heed_wishes(fit)

    def _heed_wishes(self, fit: _Fit) -> None:
        """Do what any process wants: signals, say, reach them at different moments, or only one."""
        own = fit.commits.wish() if fit.commits is not None else Wish.NOTHING
        if self.stop_requested is not None:
            own = Wish.STOP + self.stop_requested
        wish = self.distribution.largest(own)
        if wish > Wish.STOP:
            if fit.commits is None or self._all_are_asked_to_stop():
                self._stop(fit.saver, wish - Wish.STOP)
            if self.stop_requested is not None:
                self._leave(fit.saver)
            wish = Wish.NEW_WORLD  # without those that leave
        if wish == Wish.NEW_WORLD:  # written, in case new processes cannot be reached
            fit.saver.save(self.position)
        if fit.commits is not None:
            fit.commits.heed(wish, self.position)

    def _all_are_asked_to_stop(self) -> bool:
        """Whether the elastic job is to end, not only some of its processes."""
        time.sleep(SIGNAL_SECONDS)
        return not self.distribution.largest(int(self.stop_requested is None))

    def _stop(self, saver: Saver, signal_number: int) -> None:
        at = self.position
        saver.save(at)
        saver.finish()
        # Who left now would make the launcher end the others, the writing chief included.
        self.distribution.wait_for_all()
        raise Stopped(
            f"Stopped after step {at.step}, in epoch {at.epoch + 1}; a checkpoint was "
            "written. The same command goes on from here.",
            signal_number=signal_number,
        )

    def _leave(self, saver: Saver) -> None:
        at = self.position
        saver.save(at)
        saver.finish()
        raise Stopped(
            f"Left the job after step {at.step}, in epoch {at.epoch + 1}; the others go on.",
            signal_number=self.stop_requested,
        )

    def _batches(self, examples: BatchSource, plan: Plan, first_step: int = 0) -> Iterable:
        """The batches of `plan` from `first_step` on, for this process' replicas."""
        signature = self.model.training_signature()

        def dataset(context: tf.distribute.InputContext) -> tf.data.Dataset:
            made = make_dataset(examples, plan, signature, context, first_step=first_step)
            check_batch(signature, made.element_spec)
            return made

        return self.distribution.dataset(dataset)

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
            **self.loss_scale.facts(),
            **facts_of_epoch(sums, plan.steps),
        }

"""The training loop: epochs of steps, and the same end after any interruption.

    restore -> for each epoch: plan -> for each step: train, save if due -> evaluate -> save

Before each epoch and with each step all processes agree on whether it goes on
(`trainer/training/agreement.py`).

What a step returned is read once the next one has begun, so that a GPU does not wait for the host.

The position (epoch, step) says it all: plans and random draws are computed from it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf

from data_pipeline.batches.dataset import BatchSource
from data_pipeline.batches.plans import Plan, Schedule
from trainer.checkpoints.commits import Commits
from trainer.checkpoints.position import Position
from trainer.checkpoints.saver import Saver
from trainer.distribution.distribution import Distribution, make_distribution
from trainer.distribution.traffic import facts_of_epoch
from trainer.errors import Diverged
from trainer.training.agreement import Agreement, Wish
from trainer.training.batch_stream import BatchStream
from trainer.training.freed_memory import keep_freed_memory
from trainer.training.optimizer import make_optimizer
from trainer.training.precision import LossScale
from trainer.training.step import StepResult, TrainStep, regularisation_loss, term_means
from trainer.training.unrewritten_graphs import unrewritten_graphs
from trainer.training.validation import EvaluationStep, Validation

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Fit:
    """What stays the same during one call of `fit`."""

    schedule: Schedule
    batches: BatchStream
    validation: Validation | None
    early_stopping_patience: int | None
    callbacks: keras.callbacks.CallbackList
    saver: Saver
    commits: Commits | None

    def is_over(self, position: Position) -> bool:
        patience = self.early_stopping_patience
        stale = patience is not None and position.best.evaluations_since >= patience
        return stale or position.epoch >= self.schedule.epochs


class TrainingLoop:
    """Trains a model on all the devices of a distribution.

    >>> trainer = TrainingLoop(lambda: DIET(sizes, options))                     # doctest: +SKIP
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
        keep_freed_memory()
        keras.utils.set_random_seed(seed)
        with distribution.scope():
            self.model = make_model()
            self.model.build()
            rate = float(learning_rate)
            self.optimizer = make_optimizer(self.model, rate, distribution.replicas)
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
        self.agreement = Agreement(distribution, self.model, self._step.synchronise)
        self.position = Position()
        self._read_at = 0.0

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
        saver: Saver | None = None,
        commits: Commits | None = None,
    ) -> keras.callbacks.History:
        """Train, or go on training, until `schedule.epochs` are done; `position` tells where it is.

        Args:
            validation: examples to evaluate on and when; figures are named `val_…`.
            early_stopping_patience: end after so many evaluations that were not better than the
                best one (see `BestSoFar`).
            saver: of the run's checkpoints, of which the newest is restored first; None = none.
            commits: of an elastic job; training goes on from the newest one.

        Raises:
            Diverged: a loss or gradient is not finite (float16 steps are skipped instead).
            Stopped: a signal asked for it; a checkpoint was written.
        """
        saver = saver or Saver(None)
        history = keras.callbacks.History()
        called = keras.callbacks.CallbackList([*callbacks, history], model=self.model)
        with saver, unrewritten_graphs():
            self._restore(saver, commits)
            at = self.position
            if at.batch_size is not None:
                schedule = replace(schedule, begun=(at.epoch, at.batch_size))
            batches = self._batches(train, schedule)
            fit = _Fit(
                *(schedule, batches, validation, early_stopping_patience, called, saver, commits)
            )
            called.set_params(
                {"epochs": schedule.epochs, "first_epoch": at.epoch, "first_step": at.step}
            )
            if 0 < at.step and not fit.is_over(at):
                logger.info("Going on after step %d, in epoch %d.", at.step, at.epoch + 1)
            called.on_train_begin()
            if not fit.is_over(at):
                saver.make_room()
            try:
                while not fit.is_over(self.position) and self._goes_on(fit):
                    self._epoch(fit)
            except BaseException:
                if self.distribution.traffic is None:  # else others may not take part
                    self._step.bring_up_to_date()
                raise
            # Whoever has the model from now on finds its weights as they are.
            self._step.bring_up_to_date()
            called.on_train_end()
        self.agreement.stop_if_requested(self.position, saver, commits)
        return history

    def evaluate(self, examples: BatchSource, batch_size: int) -> dict[str, float]:
        """How good the model is now, without noise; the same for any number of devices.

        Returns:
            `loss`, `loss/…`, and the metrics of the model's `evaluation_terms`.
        """
        return self._evaluation.measure(examples, batch_size)

    def _restore(self, saver: Saver, commits: Commits | None) -> None:
        """Go to everybody's starting point, the chief's newest checkpoint or commit.

        Variables exist already, so what is sent is what is used.
        """
        position, commit = saver.restore(), None
        if commits is not None and self.distribution.is_chief:
            commit = commits.newer_than(position)
            position = commit.position if commit is not None else position
        # At once, since Horovod traces a graph for each call.
        self.distribution.broadcast([v for group in self.variables.values() for v in group])
        self.position = self.distribution.broadcast_object(position or Position())
        saver.start_at(self.position)  # on all processes: when to save follows from it
        self.model.stop_training = False
        if commit is not None:
            saver.save(commit.position)

    def _goes_on(self, fit: _Fit) -> bool:
        return self.agreement.goes_on(self.position, fit.saver, fit.commits)

    def _epoch(self, fit: _Fit) -> None:
        """What is left of the current epoch."""
        epoch = self.position.epoch
        plan = fit.batches.plan_of(epoch)
        self.position = replace(self.position, batch_size=fit.schedule.batch_size_of(epoch))
        fit.callbacks.on_epoch_begin(
            epoch, {"steps": plan.steps, "done": self.position.step_in_epoch}
        )
        self._steps(fit, plan.steps)
        if self.position.step_in_epoch < plan.steps:
            return  # a callback ended training
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
        fit.saver.save_epoch(self.position, logs, is_last=fit.is_over(self.position))

    def _steps(self, fit: _Fit, steps: int) -> None:
        """Take what is left of the epoch's `steps`, unless training is to end before."""
        if not self._step.compiled:
            self._step.compile(fit.batches.element_spec)
        self._read_at = time.perf_counter()
        unread: StepResult | None = None  # of the step that was begun last
        heard: int = Wish.NOTHING  # with the step before that
        for batch in fit.batches.take(steps - self.position.step_in_epoch):
            begun = self._begin(batch, self.agreement.wish(fit.saver, fit.commits), unread)
            if unread is not None:
                heard = self._read(unread, fit)
            is_last = self.position.step_in_epoch + 1 == steps
            if heard or is_last:
                # All hear it now, also those that have read a step earlier.
                wish = max(heard, self._read(begun, fit))
                if Wish.ends(wish) or not is_last:  # after the last one the epoch ends first
                    self.agreement.fulfil(wish, self.position, fit.saver, fit.commits)
                if Wish.ends(wish):
                    return
                unread, heard = None, Wish.NOTHING
            elif fit.saver.is_due_by_steps(self.position.step + 1):
                unread, heard = None, self._read(begun, fit)
                self._step.synchronise()
                fit.saver.save(self.position)
            else:
                unread = begun

    def _begin(self, batch: Any, wish: int, unread: StepResult | None) -> StepResult:
        """Begin a step, perhaps while the one before is still being taken."""
        if self.distribution.traffic is None and Wish.ends(wish):
            return StepResult(["wish"], tf.constant([wish]))  # nobody whom a step would tell
        return self._step(batch, self.position.step + (unread is not None), wish)

    def _read(self, result: StepResult, fit: _Fit) -> int:
        """Wait for a step and count it, if it was applied; what was wished with it."""
        found = result.read()
        wish = int(found.pop("wish"))
        if Wish.ends(wish):
            return wish
        at = self.position
        self._check(found, at)
        now = time.perf_counter()
        counted = dict(found) if found["finite"] else {}  # else its losses are not numbers
        counted["seconds"], self._read_at = now - self._read_at, now
        sums = {name: at.sums.get(name, 0.0) + value for name, value in counted.items()}
        self.position = replace(
            at,
            step=at.step + 1,
            step_in_epoch=at.step_in_epoch + 1,
            sums={**at.sums, **sums},
        )
        logs = {**term_means(found), **self._step.facts(found)}
        fit.callbacks.on_train_batch_end(at.step + 1, logs)
        return wish

    def _batches(self, train: BatchSource, schedule: Schedule) -> BatchStream:
        """From `position` to the end of the schedule."""
        at = self.position
        return BatchStream(
            self.distribution,
            train,
            lru_cache(maxsize=2)(
                lambda epoch: schedule.plan(train.labels, epoch).with_even_shares(train.lengths)
            ),
            self.model.training_signature(),
            epochs=range(at.epoch, schedule.epochs),
            first_step=at.step_in_epoch,
        )

    def _check(self, result: Mapping[str, float], position: Position) -> None:
        if result["finite"]:
            return
        if self.loss_scale.dynamic and result["loss_scale"] > 1:
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

"""Evaluation while training: what is measured, on what, and what follows from it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from one_weight import OneWeight, make_store

from data_pipeline.batches.hold_out import hold_out
from data_pipeline.batches.plans import Schedule
from data_pipeline.messages.prepared import open_prepared
from data_pipeline.rasa_files.nlu_files import read_nlu
from model.diet.options import DIETOptions
from trainer.checkpoints.checkpoint import Checkpointer, checkpoints, read_position, read_state
from trainer.checkpoints.saver import Saver
from trainer.diet.trained import TrainedDIET
from trainer.training.loop import TrainingLoop
from trainer.training.validation import split

STEPS = 3


def options(**changes):
    return DIETOptions(
        **{
            **{"evaluate_on_number_of_examples": 3, "evaluate_every_number_of_epochs": 1},
            **{"batch_size": 3, "batch_strategy": "sequence", "epochs": 4, "random_seed": 1},
            **changes,
        }
    )


class Run:
    """Trains `OneWeight` into a directory; `accuracies` are what evaluations shall say."""

    def __init__(self, directory, monkeypatch):
        self.directory = directory
        self._monkeypatch = monkeypatch

    def train(self, *accuracies, epochs=4, patience=None, keep_best=True, **changes):
        """Returns the figures of each epoch that was trained."""
        trainer = TrainingLoop(
            lambda: OneWeight(name="one_weight"), distribution="single", learning_rate=0.1
        )
        if accuracies:
            left = iter(accuracies)
            self._monkeypatch.setattr(
                trainer, "evaluate", lambda *_: {"loss": 1.0, "intent_accuracy": next(left)}
            )
        train, validation = split(make_store(), options(epochs=epochs, **changes))
        self.history = trainer.fit(
            train,
            schedule=Schedule(epochs, 3, "sequence", seed=1),
            validation=validation,
            early_stopping_patience=patience,
            saver=Saver(
                Checkpointer(self.directory, trainer.variables, keep=1, keep_best=keep_best)
            ),
        ).history
        self.epochs = trainer.position.epoch
        return self.history

    @property
    def steps(self):
        return [read_position(path).step for path in checkpoints(self.directory)]


@pytest.fixture
def run(tmp_path, monkeypatch):
    return Run(tmp_path / "checkpoints", monkeypatch)


@pytest.mark.shows("diet.evaluate_on_number_of_examples")
def test_held_out_examples_are_evaluated_on_and_not_trained_on(run):
    figures = run.train(epochs=2)
    assert figures["examples"] == [9, 9]
    assert figures["val_mean_label"] == [1, 1], "one of each label"
    losses = [f for f in figures if f.startswith("val_loss")]
    assert sorted(losses) == ["val_loss", "val_loss/a"]
    assert figures["val_loss"] == figures["val_loss/a"]
    # The weight after the epoch's three steps, while the training loss is the mean before them.
    assert figures["val_loss"] == pytest.approx([0.7, 0.4], abs=0.01)


def test_the_figures_are_means_over_examples_and_not_over_batches():
    trainer = TrainingLoop(lambda: OneWeight(name="one_weight"), distribution="single")
    figures = trainer.evaluate(make_store(examples=5), batch_size=4)
    assert figures["mean_label"] == pytest.approx((0 + 1 + 2 + 0 + 1) / 5)


@pytest.mark.shows("diet.evaluate_every_number_of_epochs")
def test_an_interval_is_in_epochs_and_minus_one_is_after_the_last(run, tmp_path):
    assert len(run.train(0.1, 0.2, evaluate_every_number_of_epochs=2)["val_loss"]) == 2
    run.directory = tmp_path / "other"
    assert len(run.train(0.1, evaluate_every_number_of_epochs=-1)["val_loss"]) == 1
    assert read_position(checkpoints(run.directory)[-1]).best.step == 4 * STEPS


def test_an_interval_longer_than_the_training_is_said(run, caplog):
    caplog.set_level("INFO")
    assert "val_loss" not in run.train(evaluate_every_number_of_epochs=9)
    assert "the 3 examples held out are neither trained nor evaluated on" in caplog.text


@pytest.mark.shows("diet.checkpoint_model")
def test_the_best_checkpoint_stays_beside_the_newest(run):
    run.train(0.5, 0.8, 0.7, 0.6)
    assert run.steps == [2 * STEPS, 4 * STEPS]
    state = read_state(checkpoints(run.directory)[0])
    assert state["metrics"]["val_intent_accuracy"] == 0.8


@pytest.mark.shows("diet.checkpoint_model")
def test_without_checkpoint_model_the_best_one_goes_like_any_other(run):
    run.train(0.5, 0.8, 0.7, 0.6, keep_best=False)
    assert run.steps == [4 * STEPS]


def test_going_on_starts_from_the_newest_and_remembers_the_best(run):
    run.train(0.8, 0.5, epochs=2)
    assert run.steps == [STEPS, 2 * STEPS]
    assert len(run.train(0.7, 0.8, epochs=4)["loss"]) == 2
    assert run.steps == [STEPS, 4 * STEPS], "0.7 and 0.8 are not better"
    run.train(0.9, epochs=5)
    assert run.steps == [5 * STEPS]


@pytest.mark.shows("trainer.early_stopping_patience")
def test_training_ends_after_evaluations_without_improvement(run):
    assert len(run.train(0.5, 0.8, 0.8, 0.7, epochs=9, patience=2)["loss"]) == 4
    assert run.epochs == 4
    assert run.train(0.9, epochs=9, patience=2) == {}, "it is complete"
    assert len(run.train(0.7, epochs=9, patience=3)["loss"]) == 1
    assert len(run.train(*[0.9] * 4, epochs=9, patience=4)["loss"]) == 4


def test_evaluation_does_not_change_training(run, tmp_path):
    run.train()
    run.directory = tmp_path / "other"
    run.train(evaluate_every_number_of_epochs=9)
    one, other = (
        checkpoints(tmp_path / name)[-1] / "variables.npz" for name in ("checkpoints", "other")
    )
    assert one.read_bytes() == other.read_bytes()


# --- From the command line ------------------------------------------------------------------------

BEST = (
    *("--set", "evaluate_on_number_of_examples=12", "--set", "checkpoint_model=true"),
    *("--set", "evaluate_every_number_of_epochs=1", "--set", "early_stopping_patience=3"),
)


def test_what_is_measured_is_how_right_the_answers_to_the_held_out_texts_are(
    command, project, tmp_path
):
    """Recomputed from the best checkpoint's answers; all figures are where users look."""
    result = command("--project", project, "--run-dir", tmp_path, *BEST, "--epochs", "3")
    assert result.code == 0, result.err
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    run = TrainedDIET.load(tmp_path)
    (best,) = (
        state["metrics"]
        for state in map(read_state, checkpoints(tmp_path / "checkpoints"))
        if state["position"]["step"] == run.step == state["position"]["best"]["step"]
    )
    assert {name for name in best if name.startswith("val_")} == {
        *("val_loss", "val_loss/intent", "val_loss/entity", "val_loss/role"),
        *("val_intent_accuracy", "val_entity_f1", "val_role_f1"),
    }
    assert any(best.items() <= line.items() for line in lines)
    assert f"val_intent_accuracy {best['val_intent_accuracy']:.3f}" in result.err
    store = open_prepared(tmp_path / "prepared").store
    _, evaluated = hold_out(store.labels, 12, seed=1)
    messages = read_nlu([project / "data"]).messages
    answers = list(run.answer([messages[index].text for index in evaluated]))
    right = [
        answer["intent"]["name"] == messages[index].intent
        for answer, index in zip(answers, evaluated, strict=True)
    ]
    assert best["val_intent_accuracy"] == pytest.approx(np.mean(right))
    assert "best" in command("checkpoints", tmp_path).out


def test_early_stopping_is_said_also_when_the_run_is_started_again(
    command, project, tmp_path, monkeypatch
):
    monkeypatch.setattr(TrainingLoop, "evaluate", lambda *_: {"loss": 1.0, "intent_accuracy": 0.5})
    arguments = ("--project", project, "--run-dir", tmp_path, *BEST, "--epochs", "9")
    arguments += ("--set", "entity_recognition=false", "--set", "early_stopping_patience=1")
    first = command(*arguments)
    assert "Trained 2 epochs of DIET. Stopped early, of 9: the last 1 evaluations" in first.out
    again = command(*arguments)
    assert "Training was complete already: 2 epochs of DIET. Stopped early, of 9" in again.out
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2


def test_early_stopping_without_held_out_examples_is_refused(command, project):
    result = command("--project", project, "--set", "early_stopping_patience=2")
    assert "early_stopping_patience needs examples to evaluate on" in result.line


@pytest.mark.parametrize("number", [4, 37])
def test_a_number_that_does_not_fit_the_data_is_refused(command, project, tmp_path, number):
    setting = ("--set", f"evaluate_on_number_of_examples={number}")
    result = command("--project", project, "--run-dir", tmp_path, *setting)
    assert "from 5 to 36 for these 42 examples of 5 labels" in result.line


@pytest.mark.parametrize("interval", [0, -2])
def test_an_interval_that_is_none_is_refused(command, project, interval):
    setting = ("--set", f"evaluate_every_number_of_epochs={interval}")
    result = command("--project", project, *setting)
    assert "must be a whole number of at least 1, or -1" in result.line


def test_a_best_model_without_held_out_examples_is_said(caplog):
    caplog.set_level("INFO")
    store = make_store()
    chosen = split(store, options(evaluate_on_number_of_examples=0, checkpoint_model=True))
    assert chosen == (store, None)
    assert "checkpoint_model: nothing is held out" in caplog.text

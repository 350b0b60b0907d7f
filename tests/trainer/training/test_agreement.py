"""All processes do the same after the same step, whichever of them wants it."""

from __future__ import annotations

import signal
from types import SimpleNamespace

import keras
import pytest
from one_weight import OneWeight, make_store

from data_pipeline.batches.plans import Schedule
from trainer.checkpoints.checkpoint import (
    VARIABLES_FILE,
    Checkpointer,
    checkpoints,
    read_position,
)
from trainer.checkpoints.commits import Commits
from trainer.checkpoints.position import Position
from trainer.checkpoints.saver import Saver
from trainer.checkpoints.variables_file import StoredVariables
from trainer.distribution.distribution import SingleDevice
from trainer.errors import Stopped
from trainer.training.agreement import Agreement, Wish
from trainer.training.loop import TrainingLoop

AT = Position(step=5, epoch=1, step_in_epoch=2)


class TwoProcesses(SingleDevice):
    """This process of two; the other one wants `others`."""

    def __init__(self, others: int):
        self.others = others

    def largest(self, number: int) -> int:
        return max(number, self.others)


class Job:
    """What outlives a world; notes what was done."""

    def __init__(self, *, hosts_changed: bool = False):
        self.commit, self.directory = None, None
        self.hosts_changed = hosts_changed
        self.left = False

    def leave_world(self):
        self.left = True


@pytest.fixture
def weight():
    return keras.Variable([0.0], name="weight")


@pytest.fixture
def saver(tmp_path, weight):
    with Saver(Checkpointer(tmp_path, {"model": [weight]})) as saver:
        yield saver


@pytest.fixture
def commits(tmp_path, weight):
    """`commits(job)`, of which the next one is not due."""

    def make(job):
        made = Commits(job, tmp_path, Checkpointer(tmp_path, {"model": [weight]}))
        made.commit(Position())
        made._next_time += 1e6
        return made

    return make


def agreement(
    others: int, *, stop_training=False, signal_number=None, synchronise=lambda: None
) -> Agreement:
    model = SimpleNamespace(stop_training=stop_training)
    made = Agreement(TwoProcesses(others), model, synchronise)
    made.stop_requested = signal_number
    return made


def saved(directory):
    return [read_position(path) for path in checkpoints(directory)]


def test_as_long_as_nobody_wants_anything_training_goes_on(saver, tmp_path):
    assert agreement(Wish.NOTHING).goes_on(AT, saver, None)
    saver.finish()
    assert saved(tmp_path) == []


@pytest.mark.parametrize(("own", "others"), [(True, Wish.NOTHING), (False, Wish.END)])
def test_training_ends_for_all_when_a_callback_of_one_ends_it(saver, tmp_path, own, others):
    assert not agreement(others, stop_training=own).goes_on(AT, saver, None)
    saver.finish()
    assert saved(tmp_path) == [AT]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("own", [True, False])
def test_a_signal_to_one_process_stops_all(saver, tmp_path, number, own):
    asked = agreement(
        Wish.NOTHING if own else Wish.STOP + number, signal_number=number if own else None
    )
    with pytest.raises(Stopped, match="Stopped after step 5, in epoch 2;") as stopped:
        asked.goes_on(AT, saver, None)
    assert stopped.value.signal_number == number
    assert saved(tmp_path) == [AT]


def test_a_signal_after_the_last_step_stops_what_would_follow(saver):
    done = Position(step=8, epoch=2)
    agreement(Wish.NOTHING, stop_training=True).stop_if_requested(done, saver, None)
    with pytest.raises(Stopped, match="Stopped after step 8, the last of epoch 2;"):
        agreement(Wish.STOP + signal.SIGTERM).stop_if_requested(done, saver, None)


def test_a_commit_that_is_due_for_one_is_made_by_all(saver, commits):
    job = Job()
    assert agreement(Wish.COMMIT).goes_on(AT, saver, commits(job))
    assert job.commit.position == AT and not job.left


def test_a_checkpoint_that_is_due_by_time_for_one_is_saved_by_all(saver, tmp_path):
    assert agreement(Wish.SAVE).goes_on(AT, saver, None)
    saver.finish()
    assert saved(tmp_path) == [AT]


@pytest.mark.parametrize("wish", [Wish.SAVE, Wish.COMMIT, Wish.NEW_WORLD, Wish.END])
def test_variables_are_the_same_everywhere_before_they_are_saved_or_copied(
    saver, commits, tmp_path, weight, wish
):
    made = commits(Job())
    asked = agreement(wish, synchronise=lambda: weight.assign([7.0]))
    asked.goes_on(AT, saver, made)
    saver.finish()
    for path in checkpoints(tmp_path):
        with StoredVariables(path / VARIABLES_FILE) as stored:
            assert stored["model/weight"] == 7.0
    if wish in (Wish.COMMIT, Wish.NEW_WORLD):
        assert made._job.commit.values["model/weight"] == 7.0
    assert len(checkpoints(tmp_path)) == (wish != Wish.COMMIT)


@pytest.mark.parametrize(("own", "others"), [(True, Wish.NOTHING), (False, Wish.NEW_WORLD)])
def test_a_world_that_ends_leaves_a_commit_and_a_checkpoint(saver, commits, tmp_path, own, others):
    job = Job(hosts_changed=own)
    agreement(others).goes_on(AT, saver, commits(job))
    saver.finish()
    assert job.left and job.commit.position == AT and saved(tmp_path) == [AT]


class EndAfter(keras.callbacks.Callback):
    """Ends training once told of a step, as Keras' callbacks do, or after an epoch (0-based).

    By then the next step has begun, which is the last one.
    """

    def __init__(self, *, step=None, epoch=None):
        super().__init__()
        self._step, self._epoch = step, epoch

    def on_train_batch_end(self, batch, logs=None):
        if batch == self._step:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self._epoch:
            self.model.stop_training = True


def trained(directory, *callbacks):
    """Three epochs of three steps, unless a callback ends them; returns trainer and history."""
    trainer = TrainingLoop(lambda: OneWeight(name="one_weight"), distribution="single")
    history = trainer.fit(
        make_store(examples=9),
        schedule=Schedule(3, 3, "sequence", seed=1),
        saver=Saver(Checkpointer(directory, trainer.variables)),
        callbacks=callbacks,
    )
    return trainer, history


@pytest.mark.parametrize(
    ("callback", "position", "epochs"),
    [
        (EndAfter(epoch=1), (6, 2, 0), [0, 1]),
        (EndAfter(step=4), (5, 1, 2), [0]),
        (EndAfter(step=6), (6, 2, 0), [0, 1]),
    ],
    ids=["after an epoch", "in an epoch", "after the last step of an epoch"],
)
def test_an_ended_training_goes_on_from_there(tmp_path, callback, position, epochs):
    trainer, history = trained(tmp_path / "ended", callback)
    at = trainer.position
    assert (at.step, at.epoch, at.step_in_epoch) == position and history.epoch == epochs
    assert saved(tmp_path / "ended")[-1] == at
    trainer, _ = trained(tmp_path / "ended")
    alone, _ = trained(tmp_path / "alone")
    assert trainer.model.weight.numpy() == alone.model.weight.numpy()
    assert trainer.position == alone.position

"""A step begins before what the step before it returned is read; all else stays as it was."""

from __future__ import annotations

import pytest
from one_weight import OneWeight, make_store

from data_pipeline.batches.plans import Schedule
from trainer.checkpoints.checkpoint import VARIABLES_FILE, Checkpointer, checkpoints, read_position
from trainer.checkpoints.commits import Commits
from trainer.checkpoints.saver import CheckpointPolicy, Saver
from trainer.checkpoints.variables_file import StoredVariables
from trainer.training.agreement import Wish
from trainer.training.loop import TrainingLoop
from trainer.training.step import StepResult, TrainStep

STEPS = 5  # of an epoch


class Job:
    """What outlives a world; keeps the only commit."""

    hosts_changed, directory = False, None

    def __init__(self):
        self._commit = None

    @property
    def commit(self):
        return self._commit

    @commit.setter
    def commit(self, commit):
        assert self._commit is None, "a second commit"
        self._commit = commit


def trained(directory, *, every_steps=None, every_minutes=None, job=None, epochs=1):
    trainer = TrainingLoop(lambda: OneWeight(name="one_weight"), distribution="single")
    checkpointer = Checkpointer(directory, trainer.variables, keep=100)
    trainer.fit(
        make_store(examples=3 * STEPS),
        schedule=Schedule(epochs, 3, "sequence", seed=1),
        saver=Saver(checkpointer, CheckpointPolicy(every_steps, every_minutes)),
        commits=job and Commits(job, directory, checkpointer),
    )


def weights_by_step(directory):
    """The weight in each checkpoint, by the step that it says it is of."""
    weights = {}
    for path in checkpoints(directory):
        with StoredVariables(path / VARIABLES_FILE) as stored:
            (weights[read_position(path).step],) = (
                stored[name].item()
                for name in stored
                if name.endswith("one_weight/weight") and name.startswith("model")
            )
    return weights


@pytest.fixture
def events(monkeypatch):
    """What happened, in order: `begin N` and `read N`."""
    happened, begin, read = [], TrainStep.__call__, StepResult.read

    def noting_begin(self, batch, step, wish):
        happened.append(f"begin {step + 1}")
        result = begin(self, batch, step, wish)
        result.number = step + 1
        return result

    def noting_read(self):
        happened.append(f"read {self.number}")
        return read(self)

    monkeypatch.setattr(TrainStep, "__call__", noting_begin)
    monkeypatch.setattr(StepResult, "read", noting_read)
    return happened


def test_the_next_step_begins_before_a_result_is_read_except_at_the_end_of_an_epoch(
    tmp_path, events
):
    trained(tmp_path, epochs=2)
    one_epoch = "begin 1,begin 2,read 1,begin 3,read 2,begin 4,read 3,begin 5,read 4,read 5"
    assert events[: 2 * STEPS] == one_epoch.split(",")
    assert events[2 * STEPS :][:3] == ["begin 6", "begin 7", "read 6"]


def test_a_checkpoint_between_steps_waits_for_the_step_and_holds_what_it_left(tmp_path, events):
    trained(tmp_path / "often", every_steps=2)
    assert events[:6] == ["begin 1", "begin 2", "read 1", "read 2", "begin 3", "begin 4"]
    trained(tmp_path / "always", every_steps=1)
    often, always = (weights_by_step(tmp_path / name) for name in ("often", "always"))
    assert list(often) == [2, 4, 5] and list(always) == [1, 2, 3, 4, 5]
    assert always[1] > always[2] > always[3] > always[4] > always[5]
    assert often == {step: always[step] for step in often}


def test_a_checkpoint_that_time_asks_for_holds_what_the_step_it_names_left(tmp_path):
    trained(tmp_path / "timed", every_minutes=0)
    trained(tmp_path / "always", every_steps=1)
    timed, always = (weights_by_step(tmp_path / name) for name in ("timed", "always"))
    timed.pop(0)  # time is over before the first step
    assert len(timed) > 2
    assert timed == {step: always[step] for step in timed}


@pytest.mark.parametrize("every_steps", [None, 1], ids=["no checkpoint due", "always one due"])
def test_a_commit_is_made_after_the_same_step_whether_or_not_a_checkpoint_was_due(
    tmp_path, monkeypatch, every_steps
):
    """A result is read earlier where a checkpoint follows."""
    begin = TrainStep.__call__

    def wishing(self, batch, step, wish):
        return begin(self, batch, step, Wish.COMMIT if step + 1 == 2 else Wish.NOTHING)

    monkeypatch.setattr(TrainStep, "__call__", wishing)
    monkeypatch.setattr(Commits, "is_due", False)
    job = Job()
    trained(tmp_path / "run", every_steps=every_steps, job=job)
    monkeypatch.undo()
    trained(tmp_path / "alone", every_steps=1)
    assert job.commit.position.step == 3
    (weight,) = (v.item() for name, v in job.commit.values.items() if name.startswith("model"))
    assert weight == weights_by_step(tmp_path / "alone")[3]

"""When a checkpoint is written between the ends of epochs."""

import pytest

import trainer.checkpoints.saver
from trainer.checkpoints.position import BestSoFar, Position
from trainer.checkpoints.saver import CheckpointPolicy, Saver


class Written:
    """Stands for a checkpointer; what it was given."""

    bytes = 0

    def __init__(self):
        self.steps = []
        self.states = []

    def copy(self):
        return {}

    def save(self, position, values, **state):
        self.steps.append(position.step)
        self.states.append(state)


@pytest.fixture
def clock(monkeypatch):
    """Seconds that the test sets."""
    now = [1000.0]
    monkeypatch.setattr(trainer.checkpoints.saver.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.shows("trainer.checkpoint_every_steps", "trainer.checkpoint_every_minutes")
@pytest.mark.parametrize(
    "policy, expected",
    [
        (CheckpointPolicy(every_steps=3, every_minutes=None), [5, 8, 11]),
        (CheckpointPolicy(every_steps=None, every_minutes=2), [6, 10]),
        (CheckpointPolicy(every_steps=3, every_minutes=2), [5, 8, 11]),
        (CheckpointPolicy(every_steps=5, every_minutes=2), [6, 10]),
        (CheckpointPolicy(every_steps=None, every_minutes=None), []),
    ],
)
def test_steps_and_minutes_are_counted_from_the_last_checkpoint(clock, policy, expected):
    written = Written()
    saver = Saver(written, policy, {})
    saver.start_at(Position(step=2))
    for step in range(3, 13):
        clock[0] += 30
        if saver.is_due_by_steps(step) or saver.is_due_by_time:
            saver.save(Position(step=step))
    saver.finish()
    assert written.steps == expected


@pytest.mark.shows("trainer.checkpoint_min_seconds")
def test_the_end_of_an_epoch_is_saved_if_the_last_checkpoint_is_long_enough_ago(clock):
    def steps_saved(seconds, best_step=None):
        written = Written()
        saver = Saver(written, CheckpointPolicy(min_seconds=seconds), {})
        saver.start_at(Position())
        for epoch in range(1, 8):
            clock[0] += 20
            position = Position(10 * epoch, epoch, best=BestSoFar(best_step))
            saver.save_epoch(position, {"loss": 1.0 / epoch}, is_last=epoch == 7)
        saver.finish()
        return written.steps

    assert steps_saved(60) == [30, 60, 70]
    assert steps_saved(0) == [10, 20, 30, 40, 50, 60, 70]
    assert steps_saved(1000, best_step=40) == [40, 70]


def test_steps_are_counted_across_epochs_and_alike_whatever_the_clock_says(clock):
    def steps_saved(checkpointer, seconds):
        saver = Saver(checkpointer, CheckpointPolicy(every_steps=5, min_seconds=60), {})
        saver.start_at(Position())
        due = []
        for epoch in range(1, 8):
            clock[0] += seconds
            due += [saver.is_due_by_steps(2 * epoch)]
            saver.save_epoch(Position(2 * epoch, epoch), {}, is_last=epoch == 7)
        saver.finish()
        return due

    fast, slow = Written(), Written()
    assert steps_saved(fast, 1) == steps_saved(None, 100) == steps_saved(slow, 100)
    assert fast.steps == [6, 12, 14] and slow.steps == [2, 4, 6, 8, 10, 12, 14]


def test_an_epoch_that_was_passed_over_is_saved_with_its_figures_when_training_stops(clock):
    written = Written()
    saver = Saver(written, CheckpointPolicy(min_seconds=60), {})
    saver.start_at(Position())
    saver.save_epoch(Position(2, 1), {"loss": 0.5}, is_last=False)
    saver.save(Position(2, 1))
    saver.save(Position(3, 1, 1))
    saver.finish()
    assert written.steps == [2, 3]
    assert [state["metrics"] for state in written.states] == [{"loss": 0.5}, {}]


def test_only_the_chief_has_a_checkpointer_and_writes(clock):
    saver = Saver(None, CheckpointPolicy(every_steps=1), {})
    assert saver.is_due_by_steps(9)
    saver.save(Position(step=9))

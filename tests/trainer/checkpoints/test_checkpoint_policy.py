"""When a checkpoint is written between the ends of epochs."""

import pytest

import trainer.checkpoints.saver
from trainer.checkpoints.checkpoint import Position
from trainer.checkpoints.saver import CheckpointPolicy, Saver


class Written:
    """Stands for a checkpointer; what it was given."""

    bytes = 0

    def __init__(self):
        self.steps = []

    def copy(self):
        return {}

    def save(self, position, values, **state):
        self.steps.append(position.step)


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


def test_only_the_chief_has_a_checkpointer_and_writes(clock):
    saver = Saver(None, CheckpointPolicy(every_steps=1), {})
    assert saver.is_due_by_steps(9)
    saver.save(Position(step=9))

"""scripts/chaos.py: the plan it draws, what it sees of checkpoints, and what counts as equal."""

from __future__ import annotations

import signal
from collections import Counter

import keras
import numpy as np
import pytest
from chaos import STARTING, TRAINING, WRITING, plan, unequal
from interruption.watching import CheckpointWatch

from trainer.checkpoints.checkpoint import Checkpointer
from trainer.checkpoints.position import Position


def test_the_same_seed_draws_the_same_plan_with_a_share_of_each_moment():
    drawn = plan(20, processes=2, seed=1)
    assert drawn == plan(20, processes=2, seed=1) != plan(20, processes=2, seed=2)
    assert Counter(i.moment for i in drawn) == {STARTING: 4, TRAINING: 8, WRITING: 8}
    kinds = {(i.signal_number, i.rank) for i in drawn}
    numbers = (signal.SIGKILL, signal.SIGTERM)
    assert kinds == {(number, rank) for number in numbers for rank in (None, 0, 1)}


def save(run, step, value, epoch=1):
    """Among zeros, which a checkpoint leaves out."""
    variable = keras.Variable(np.float32([value, *np.zeros(2000)]), name="weight")
    checkpointer = Checkpointer(run / "checkpoints", {"model": [variable]})
    return checkpointer.save(Position(step, epoch))


def test_a_watch_sees_new_checkpoints_and_one_that_is_being_written(tmp_path):
    save(tmp_path, 3, 1.0)
    left_behind = tmp_path / "checkpoints" / ".step-000000006.partial"
    left_behind.mkdir()
    watch = CheckpointWatch(tmp_path)
    assert (watch.first_step, watch.new, watch.newest_step, watch.writing()) == (3, 0, 3, None)
    (tmp_path / "checkpoints" / ".step-000000009.partial").mkdir()
    assert watch.writing() == 9
    save(tmp_path, 9, 1.0)
    assert (watch.first_step, watch.new, watch.newest_step, watch.writing()) == (3, 1, 9, None)


def test_a_watch_may_begin_before_the_run_does(tmp_path):
    watch = CheckpointWatch(tmp_path / "run")
    assert (watch.first_step, watch.new, watch.newest_step, watch.writing()) == (0, 0, 0, None)


@pytest.mark.parametrize(("second", "expected"), [(1.0, []), (1.0000001, ["model/weight"])])
def test_one_bit_is_a_difference(tmp_path, second, expected):
    save(tmp_path / "alone", 3, 1.0)
    save(tmp_path / "killed", 3, second)
    assert unequal(tmp_path / "alone", tmp_path / "killed") == (expected, 1)


def test_nothing_is_compared_of_different_steps(tmp_path):
    save(tmp_path / "alone", 3, 1.0)
    save(tmp_path / "killed", 6, 1.0)
    with pytest.raises(RuntimeError, match="end at different steps: step-000000003, step-00000000"):
        unequal(tmp_path / "alone", tmp_path / "killed")

"""`--profile`: some steps are recorded, whether training goes on behind them or not."""

from __future__ import annotations

import pytest

from trainer.distribution.distribution import SingleDevice
from trainer.training.profiling import FIRST_STEP, STEPS, ProfiledSteps


# The steps done before training ends: behind the profiled ones, and in the middle of them.
@pytest.mark.parametrize("done", [FIRST_STEP + STEPS + 2, FIRST_STEP + 1])
def test_steps_are_profiled(tmp_path, done):
    callback = ProfiledSteps(tmp_path, SingleDevice())
    for step in range(done):
        assert list(tmp_path.iterdir()) == [] or step >= FIRST_STEP - 1
        callback.on_train_batch_end(step)
    callback.on_train_end()
    assert list(tmp_path.glob("plugins/profile/*/*"))


def test_a_run_shorter_than_that_has_no_profile(tmp_path):
    callback = ProfiledSteps(tmp_path, SingleDevice())
    callback.on_train_batch_end(0)
    callback.on_train_end()
    assert list(tmp_path.iterdir()) == []

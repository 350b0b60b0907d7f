"""The loss scale of float16 is one decision, taken alike on all devices."""

from __future__ import annotations

import json

import pytest
from processes import run_script

from trainer.training.precision import INITIAL_SCALE

SCRIPT = "overflow_on_one_replica.py"


def _check(lines: list[str], processes: int, copies: int) -> None:
    # horovodrun puts the rank in front of a line.
    histories = [json.loads(line[line.index("[{") :]) for line in lines if "[{" in line]
    assert len(histories) == processes
    for history in histories:
        assert [step["finite"] for step in history] == [True, False, True, True]
        assert [step["skipped_steps"] for step in history] == [0, 1, 1, 1]
        half = INITIAL_SCALE / 2
        assert [step["loss_scale"] for step in history] == [INITIAL_SCALE, half, half, half]
        weights = [step["weight"] for step in history]
        assert weights[0] == weights[1] and weights[1] > weights[2] > weights[3]
        assert all(len(copy) == copies and len(set(copy)) == 1 for copy in weights)
    assert all(history == histories[0] for history in histories)


@pytest.mark.parametrize(
    ("strategy", "devices"),
    [pytest.param("single", 1, marks=pytest.mark.slow), ("mirrored", 2)],
)
def test_an_overflow_on_one_device_skips_the_step_on_all(strategy, devices):
    _check(run_script(SCRIPT, strategy, devices), processes=1, copies=devices)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["horovod", "multi_worker"])
def test_an_overflow_in_one_process_skips_the_step_in_all(strategy):
    _check(run_script(SCRIPT, strategy, 1, processes=2), processes=2, copies=1)

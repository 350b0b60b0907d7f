"""A run killed at any moment and started again ends as one left alone, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

OPTIONS = ("--set", "checkpoint_every_steps=3")


def _assert_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


@pytest.mark.parametrize("processes", [1, 2])
def test_killed_and_started_again_ends_with_the_same_weights(command_line, processes):
    alone, killed = f"alone-{processes}", f"killed-{processes}"
    command_line.train(alone, *OPTIONS, processes=processes)
    # The line of epoch 2 is printed before its checkpoint is written, in the middle of the run.
    command_line.kill_after("epoch 2/4  loss", killed, processes, *OPTIONS)
    command_line.train(killed, *OPTIONS, processes=processes)
    _assert_same(command_line.variables(alone), command_line.variables(killed))


def test_running_a_finished_run_again_changes_nothing(command_line):
    command_line.train("finished")
    before = command_line.variables("finished")
    output = command_line.train("finished")
    assert "Training was complete already" in output
    _assert_same(before, command_line.variables("finished"))


@pytest.mark.slow
def test_a_run_saved_on_two_processes_goes_on_on_one_device(command_line):
    command_line.kill_after("epoch 2/4  loss", "moved", 2, *OPTIONS)
    output = command_line.train("moved", *OPTIONS)
    assert "epoch 4/4" in output
    lines = (command_line.run_dir("moved") / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 4

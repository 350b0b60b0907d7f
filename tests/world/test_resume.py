"""A run stopped at any moment and started again ends as one left alone: bit for bit, or, on another
number of devices, within the tolerance of `command_line.py`, dropout being off.
"""

from __future__ import annotations

import signal
from functools import cache

import numpy as np
import pytest
from command_line import MULTI_WORKER, SAME_DRAWS, assert_same_weights, mirrored
from interruption.running import LOG_FILE, Running
from interruption.watching import CheckpointWatch

OPTIONS = ("--set", "checkpoint_every_steps=3")
ONE_DEVICE = (1, ())
MIRRORED = (1, mirrored(2))
HOROVOD_2, HOROVOD_4 = (2, ()), (4, ())
MULTI_WORKER_2 = (2, MULTI_WORKER)


def _assert_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "devices",
    [
        pytest.param(ONE_DEVICE, id="1"),
        pytest.param(HOROVOD_2, id="2-horovod"),
        pytest.param(MULTI_WORKER_2, id="2-multi-worker"),
    ],
)
def test_killed_and_started_again_ends_with_the_same_weights(command_line, devices, request):
    id_ = request.node.callspec.id
    alone, killed, (processes, options) = f"alone-{id_}", f"killed-{id_}", devices
    command_line.train(alone, *OPTIONS, *options, processes=processes)
    # The line of epoch 2 is printed before its checkpoint is written, in the middle of the run.
    command_line.kill_after("epoch 2/4  loss", killed, processes, *OPTIONS, *options)
    command_line.train(killed, *OPTIONS, *options, processes=processes)
    _assert_same(command_line.variables(alone), command_line.variables(killed))


@pytest.mark.slow
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


@pytest.fixture(scope="module")
def left_alone(command_line) -> dict[str, np.ndarray]:
    """The variables after training on one device, without dropout."""
    command_line.train("left-alone", *SAME_DRAWS)
    return command_line.variables("left-alone")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(HOROVOD_4, HOROVOD_2, id="4-horovod-to-2"),
        pytest.param(HOROVOD_2, HOROVOD_4, id="2-horovod-to-4"),
        pytest.param(MIRRORED, HOROVOD_2, id="2-mirrored-to-2-horovod"),
        pytest.param(MIRRORED, ONE_DEVICE, id="2-mirrored-to-1"),
        pytest.param(HOROVOD_2, MIRRORED, id="2-horovod-to-2-mirrored"),
        pytest.param(MULTI_WORKER_2, HOROVOD_2, id="2-multi-worker-to-2-horovod"),
    ],
)
def test_a_run_goes_on_on_other_devices_as_if_nothing_had_happened(
    command_line, left_alone, before, after, request
):
    name = request.node.callspec.id
    processes, devices = before
    command_line.kill_after("epoch 2/5  loss", name, processes, *OPTIONS, *SAME_DRAWS, *devices)
    processes, devices = after
    output = command_line.train(name, *OPTIONS, *SAME_DRAWS, *devices, processes=processes)
    assert "Going on after step" in output
    assert_same_weights(left_alone, command_line.variables(name))


@pytest.fixture(scope="module")
def left_alone_for_long(command_line):
    """`left_alone_for_long(*joined)`: the variables of two processes after twenty epochs."""

    @cache
    def trained(*joined: str) -> dict[str, np.ndarray]:
        name = "-".join(("left-alone-long", *joined))
        command_line.train(name, *OPTIONS, "--epochs", "20", *joined, processes=2)
        return command_line.variables(name)

    return trained


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "rank", "joined"),
    [
        (signal.SIGTERM, 1, ()),
        (signal.SIGINT, 0, ()),
        (signal.SIGKILL, 1, ()),
        (signal.SIGTERM, None, ()),
        pytest.param(signal.SIGTERM, 1, MULTI_WORKER, id="SIGTERM-1-multi-worker"),
        pytest.param(signal.SIGKILL, 0, MULTI_WORKER, id="SIGKILL-0-multi-worker"),
    ],
)
def test_a_signal_to_one_of_two_processes_loses_nothing(
    command_line, left_alone_for_long, number, rank, joined
):
    name = "-".join((number.name, str(rank), *joined))
    options = (*OPTIONS, "--epochs", "20", *joined)
    log = command_line.directory / "logs" / name
    running = Running(command_line.arguments(name, 2, *options), log)
    watch = CheckpointWatch(command_line.run_dir(name))
    assert running.wait(lambda: watch.new), running.log_tail()
    running.send(number, rank)
    running.wait_for_end()
    said = (log / LOG_FILE).read_text()
    # A launcher kills what is left after 5 s, which a busy machine may need for a step.
    too_late = rank is None and "exit with status code 137" in said
    assert ("Stopped after step" in said or too_late) is (number != signal.SIGKILL), said
    output = command_line.train(name, *options, processes=2)
    assert "Going on after step" in output
    _assert_same(left_alone_for_long(*joined), command_line.variables(name))

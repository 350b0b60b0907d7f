"""A run stopped at any moment and started again ends as one left alone: bit for bit, or, on another
number of devices, within the tolerance of `command_line.py`, dropout being off.

Here DIET; the other models are in files of their own.
"""

from __future__ import annotations

import signal

import numpy as np
import pytest
from command_line import SAME_DRAWS, assert_equal, assert_same_weights
from devices import HOROVOD_2, HOROVOD_4, MIRRORED_2, MULTI_WORKER_2, ONE, TWO
from interruption.running import LOG_FILE, Running
from interruption.watching import CheckpointWatch

OPTIONS = ("--set", "checkpoint_every_steps=3")
IN_16_BITS = 0.01
"""How far losses of epochs may lie apart: a sum in another order may round to another number."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("devices", "precision"),
    [
        *((devices, "float32") for devices in (ONE, *TWO)),
        *((devices, "mixed_bfloat16") for devices in (ONE, MIRRORED_2)),
        (ONE, "mixed_float16"),
    ],
    ids=str,
)
def test_killed_and_started_again_ends_with_the_same_weights(command_line, devices, precision):
    options = (*OPTIONS, "--precision", precision)
    killed = command_line.interrupted(devices, *options)
    alone = command_line.left_alone(devices, *options)
    assert_equal(command_line.variables(alone), command_line.variables(killed))


@pytest.mark.slow
def test_running_a_finished_run_again_changes_nothing(command_line):
    command_line.train("finished")
    before = command_line.variables("finished")
    output = command_line.train("finished")
    assert "Training was complete already" in output
    assert_equal(before, command_line.variables("finished"))


@pytest.mark.slow
def test_a_run_saved_on_two_processes_goes_on_on_one_device(command_line):
    command_line.kill_after("epoch 2/4  loss", "moved", 2, *OPTIONS)
    output = command_line.train("moved", *OPTIONS)
    assert "epoch 4/4" in output
    lines = (command_line.run_dir("moved") / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (HOROVOD_4, HOROVOD_2),
        (HOROVOD_2, HOROVOD_4),
        (MIRRORED_2, HOROVOD_2),
        (MIRRORED_2, ONE),
        (HOROVOD_2, MIRRORED_2),
        (MULTI_WORKER_2, HOROVOD_2),
        (ONE, MULTI_WORKER_2),
    ],
    ids=str,
)
def test_a_run_goes_on_on_other_devices_as_if_nothing_had_happened(
    command_line, before, after, request
):
    name = request.node.callspec.id
    command_line.kill_on(before, "epoch 2/5  loss", name, *OPTIONS, *SAME_DRAWS)
    output = command_line.train_on(after, name, *OPTIONS, *SAME_DRAWS)
    assert "Going on after step" in output
    alone = command_line.left_alone(ONE, *SAME_DRAWS)
    assert_same_weights(command_line.variables(alone), command_line.variables(name))


@pytest.mark.slow
def test_in_16_bits_a_run_goes_on_on_other_devices_nearly_as_if_nothing_had_happened(command_line):
    options = (*SAME_DRAWS, "--precision", "mixed_bfloat16")
    command_line.kill_on(MIRRORED_2, "epoch 2/5  loss", "moved-in-16-bits", *OPTIONS, *options)
    assert "Going on after step" in command_line.train("moved-in-16-bits", *OPTIONS, *options)
    alone = command_line.left_alone(ONE, *options)
    np.testing.assert_allclose(
        command_line.losses("moved-in-16-bits"), command_line.losses(alone), rtol=IN_16_BITS
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "rank", "devices"),
    [
        (signal.SIGTERM, 1, HOROVOD_2),
        (signal.SIGINT, 0, HOROVOD_2),
        (signal.SIGKILL, 1, HOROVOD_2),
        (signal.SIGTERM, None, HOROVOD_2),
        (signal.SIGTERM, 1, MULTI_WORKER_2),
        (signal.SIGKILL, 0, MULTI_WORKER_2),
    ],
    ids=lambda given: getattr(given, "name", str(given)),
)
def test_a_signal_to_one_of_two_processes_loses_nothing(command_line, number, rank, devices):
    name = f"{number.name}-{rank}-{devices}"
    options = (*OPTIONS, "--epochs", "20", *devices.options)
    log = command_line.directory / "logs" / name
    running = Running(command_line.arguments(name, devices.processes, *options), log)
    watch = CheckpointWatch(command_line.run_dir(name))
    assert running.wait(lambda: watch.new), running.log_tail()
    running.send(number, rank)
    running.wait_for_end()
    said = (log / LOG_FILE).read_text()
    # A launcher kills what is left after 5 s, which a busy machine may need for a step.
    too_late = rank is None and "exit with status code 137" in said
    assert ("Stopped after step" in said or too_late) is (number != signal.SIGKILL), said
    output = command_line.train_on(devices, name, *OPTIONS, "--epochs", "20")
    assert "Going on after step" in output
    alone = command_line.left_alone(devices, *OPTIONS, "--epochs", "20")
    assert_equal(command_line.variables(alone), command_line.variables(name))

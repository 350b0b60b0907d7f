"""N devices train as one: the same weights on one device, on mirrored ones, in processes.

Dropout is off; everything else is on: all loss terms, a masked language model, `scale_loss`,
balanced batches whose size grows through numbers that do not divide by the devices, the L2 rule,
clipping.

What is left is the order in which floating-point numbers are summed. It is compared after 25 steps,
per variable: the largest difference over the variable's largest number must be below 1e-5. (Not per
number: Adam divides a gradient by its size, so that weights whose gradient is rounding noise move
by noise, and a bias that began at 0 may still be as small as that.)
"""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from command_line import SAME_DRAWS, TOLERANCE, CommandLine, assert_same_weights
from devices import HOROVOD_4, MIRRORED_4, MULTI_WORKER, ONE, TWO, mirrored
from processes import environment
from timing.side_by_side import side_by_side

from trainer.checkpoints.checkpoint import newest_checkpoint, read_position

EXCHANGES = 15
"""Of a step: what losses are divided by and wishes (1); tokens to mask, others to shuffle in, their
range (3); guesses and texts, forth and back (4); `scale_loss` of four losses (4); dense gradients
(1); touched rows of kernels, and their gradients (2)."""
HALF = {"mixed_bfloat16": 0.01, "mixed_float16": 0.1}
"""How far an epoch's loss may lie from that in float32. In float16 the first steps are skipped
until the loss scale fits, so that training is a few of 25 steps behind."""


@pytest.fixture(scope="module")
def one_device(command_line):
    name = command_line.left_alone(ONE, *SAME_DRAWS)
    assert [row["global_batch_size"] for row in command_line.metrics(name)] == [6, 7, 8, 9, 11]
    newest = newest_checkpoint(command_line.run_dir(name) / "checkpoints")
    assert read_position(newest).step >= 20
    return name


def _agree(command_line: CommandLine, first: str, second: str) -> None:
    np.testing.assert_allclose(
        command_line.losses(first), command_line.losses(second), rtol=TOLERANCE
    )
    assert_same_weights(command_line.variables(first), command_line.variables(second))


@pytest.mark.shows("trainer.strategy", "trainer.clip_norm", "trainer.logical_cpu_devices")
def test_two_mirrored_devices_train_as_one(command_line, one_device):
    command_line.train("mirrored-2", *SAME_DRAWS, *mirrored(2))
    _agree(command_line, one_device, "mirrored-2")


def test_two_horovod_processes_train_as_one_device(command_line, one_device):
    output = command_line.train("horovod-2", *SAME_DRAWS, processes=2)
    assert "Horovod process 0 of 2" in output
    assert "Horovod process 1 of 2" not in output  # only the chief speaks
    assert command_line.metrics("horovod-2")[-1]["exchanges_per_step"] == EXCHANGES
    _agree(command_line, one_device, "horovod-2")


@pytest.mark.slow
def test_two_processes_that_tensorflow_joins_train_as_one_device(command_line, one_device):
    output = command_line.train("multi-worker-2", *SAME_DRAWS, *MULTI_WORKER, processes=2)
    assert "Training on process 0 of 2" in output
    assert "Training on process 1 of 2" not in output
    assert command_line.metrics("multi-worker-2")[-1]["exchanges_per_step"] == EXCHANGES
    _agree(command_line, one_device, "multi-worker-2")


@pytest.mark.slow
def test_processes_that_slurm_started_find_each_other(command_line, one_device):
    command = side_by_side("SLURM", 2, command_line.arguments("slurm-2", 1, *SAME_DRAWS))
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment())
    assert done.returncode == 0, done.stderr[-4000:]
    assert "of 2 on " in done.stderr and "(SLURM_PROCID tells of several" in done.stderr
    _agree(command_line, one_device, "slurm-2")


@pytest.mark.slow
@pytest.mark.parametrize("devices", [MIRRORED_4, HOROVOD_4], ids=str)
def test_four_devices_train_as_one(command_line, one_device, devices):
    command_line.train_on(devices, str(devices), *SAME_DRAWS)
    _agree(command_line, one_device, str(devices))


@pytest.mark.shows("trainer.precision")
@pytest.mark.slow
@pytest.mark.parametrize("precision", HALF)
@pytest.mark.parametrize("devices", TWO, ids=str)
def test_half_precision_trains_on_several_devices(command_line, one_device, precision, devices):
    name = f"{devices}-{precision}"
    command_line.train_on(devices, name, *SAME_DRAWS, "--precision", precision)
    rows, expected = command_line.metrics(name), command_line.metrics(one_device)
    np.testing.assert_allclose(
        [row["loss"] for row in rows], [row["loss"] for row in expected], rtol=HALF[precision]
    )
    scaled = precision == "mixed_float16"
    assert all(("skipped_steps" in row) is scaled for row in rows)

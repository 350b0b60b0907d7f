"""N devices train as one: the same weights on one device, on mirrored devices, under Horovod.

With dropout off the only differences are the order in which floating-point sums are made, which
Adam amplifies where a gradient is near zero (it divides by its size). So losses are compared
closely and weights with a tolerance of 1e-3 of the largest weight after 16 steps.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import largest_difference

NO_DROPOUT = ("--set", "drop_rate=0")
MIRRORED = ("--strategy", "mirrored", "--set", "logical_cpu_devices={}")


@pytest.fixture(scope="module")
def one_device(command_line):
    command_line.train("one", *NO_DROPOUT)
    return "one"


def _losses(command_line, name: str) -> np.ndarray:
    lines = (command_line.run_dir(name) / "metrics.jsonl").read_text().splitlines()
    return np.array(
        [[v for k, v in json.loads(line).items() if k.startswith("loss")] for line in lines]
    )


def _agree(command_line, first: str, second: str) -> None:
    a, b = command_line.variables(first), command_line.variables(second)
    assert a.keys() == b.keys()
    np.testing.assert_allclose(
        _losses(command_line, first), _losses(command_line, second), rtol=1e-4
    )
    weights = [name for name in a if name.startswith("model/")]
    assert largest_difference(a, b, weights) < 1e-3


def test_two_mirrored_devices_train_as_one(command_line, one_device):
    command_line.train("mirrored-2", *NO_DROPOUT, *MIRRORED[:3], MIRRORED[3].format(2))
    _agree(command_line, one_device, "mirrored-2")


def test_two_horovod_processes_train_as_one_device(command_line, one_device):
    output = command_line.train("horovod-2", *NO_DROPOUT, processes=2)
    assert "Horovod process 0 of 2" in output
    assert "Horovod process 1 of 2" not in output  # only the chief speaks
    _agree(command_line, one_device, "horovod-2")


@pytest.mark.slow
def test_four_mirrored_devices_train_as_one(command_line, one_device):
    command_line.train("mirrored-4", *NO_DROPOUT, *MIRRORED[:3], MIRRORED[3].format(4))
    _agree(command_line, one_device, "mirrored-4")


@pytest.mark.slow
def test_four_horovod_processes_train_as_one_device(command_line, one_device):
    command_line.train("horovod-4", *NO_DROPOUT, processes=4)
    _agree(command_line, one_device, "horovod-4")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("where", ["mirrored", "horovod"])
def test_half_precision_trains_on_several_devices(command_line, precision, where):
    name = f"{where}-{precision}"
    options = ("--precision", precision, "--epochs", "8")
    if where == "mirrored":
        command_line.train(name, *options, *MIRRORED[:3], MIRRORED[3].format(2))
    else:
        command_line.train(name, *options, processes=2)
    losses = _losses(command_line, name)
    assert np.isfinite(losses).all()
    assert losses[-1].sum() < losses[0].sum() * 0.8

"""Kernels of which only the touched rows are written train alike on any number of devices."""

from __future__ import annotations

import json

import numpy as np
import pytest
from processes import run_script


def kernels(strategy: str, devices: int, replicas: int, processes: int = 1) -> np.ndarray:
    """The kernel at the end, of every replica: `[replicas, rows, units]`."""
    lines = run_script("wide_kernel.py", strategy, devices, replicas, processes=processes)
    # horovodrun puts the rank in front of a line.
    found = [json.loads(x[x.index('{"kernels') :]) for x in lines if '{"kernels' in x]
    copies = np.array([copy for one in found for copy in one["kernels"]])
    assert len(copies) == replicas
    return copies


@pytest.fixture(scope="module")
def one_device() -> np.ndarray:
    return kernels("single", 1, 1)[0]


def check(copies: np.ndarray, expected: np.ndarray) -> None:
    for copy in copies[1:]:
        np.testing.assert_array_equal(copy, copies[0])
    # The order of sums, through thirty steps of Adam.
    np.testing.assert_allclose(copies[0], expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.slow
def test_on_two_mirrored_devices(one_device):
    check(kernels("mirrored", 2, 2), one_device)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["horovod", "multi_worker"])
def test_in_two_processes(one_device, strategy):
    check(kernels(strategy, 1, 2, processes=2), one_device)

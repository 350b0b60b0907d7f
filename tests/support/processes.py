"""What the tests of several processes share."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from interruption.running import OF_LAUNCHERS
from timing.side_by_side import side_by_side

PROGRAMS = Path(__file__).resolve().parents[1] / "world" / "programs"


def horovodrun() -> list[str]:
    """The launcher's command; where Horovod is not installed, the test is skipped."""
    if importlib.util.find_spec("horovod") is None:
        pytest.skip("Horovod is not installed; `make setup` builds it")
    # --gloo: also where Horovod was built with MPI.
    return [str(Path(sys.executable).with_name("horovodrun")), "--gloo"]


def under_horovod(command: list[str], processes: int) -> list[str]:
    """`command`, started by `horovodrun`."""
    return [*horovodrun(), "-np", str(processes), *command]


def launched(command: list[str], processes: int) -> list[str]:
    """`command` in so many processes, joined by what it asks for: `multi_worker`, or Horovod."""
    if processes == 1:
        return command
    if "multi_worker" not in command:
        return under_horovod(command, processes)
    return side_by_side("TF_CONFIG", processes, command)


def run_script(name: str, *arguments: object, processes: int = 1) -> list[str]:
    """Run a program of `PROGRAMS`; returns the lines it printed, those of all processes."""
    command = launched([sys.executable, str(PROGRAMS / name), *map(str, arguments)], processes)
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment())
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()


def environment() -> dict[str, str]:
    """The environment without a launcher's variables, with few threads: two cores are shared."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OF_LAUNCHERS)}
    root = str(Path(__file__).resolve().parents[2])
    return {**kept, "PYTHONPATH": root, "TF_NUM_INTRAOP_THREADS": "1"}


def kill_all(process: subprocess.Popen) -> None:
    """Workers have process groups of their own, so they are found by their parent."""
    children = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    rows = [row.split() for row in children.splitlines()]
    parents = {int(pid): int(parent) for pid, parent in rows}
    doomed, grown = {process.pid}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in doomed} - doomed
        grown = bool(more)
        doomed |= more
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def differences(
    first: dict[str, np.ndarray], second: dict[str, np.ndarray], names: Sequence[str]
) -> dict[str, float]:
    """Of each of these variables the largest difference, over its largest number."""
    return {
        n: float(np.abs(first[n] - second[n]).max() / max(np.abs(first[n]).max(), 1e-12))
        for n in names
    }

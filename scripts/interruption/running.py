"""A training of several processes that is there to be interrupted."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

POLL_SECONDS = 0.001
"""Writing a small checkpoint takes tens of milliseconds."""
END_SECONDS = 120.0
"""So long everything that was started may live on after an interruption; Horovod notices a lost
process at once, and its launcher kills what is left after 5 s."""
LOG_FILE = "training.log"
OF_LAUNCHERS = ("HOROVOD_", "OMPI_", "PMI_", "SLURM_", "TF_CONFIG")
"""What the variables begin with that tell a process of others."""
MARK = "INTERRUPTED_TRAINING"
"""A variable by which all processes that came from one command are found."""


class Running:
    """The processes of one command; what they print is appended to `training.log`.

    Args:
        command: `horovodrun … python -m trainer …`, or of another launcher.
        directory: for the log; made if it is not there.
    """

    def __init__(self, command: Sequence[str], directory: Path):
        directory.mkdir(parents=True, exist_ok=True)
        self._mark = uuid.uuid4().hex
        self._log = directory / LOG_FILE
        with self._log.open("a", encoding="utf-8") as log:
            self._launcher = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=_environment(self._mark),
            )
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the command was started."""
        return time.monotonic() - self._began

    def wait(self, condition: Callable[[], object]) -> bool:
        """Wait for the condition; false if the command ended first."""
        while self._launcher.poll() is None:
            if condition():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def send(self, number: signal.Signals, rank: int | None) -> None:
        """Signal the process with this rank.

        Without a rank, or before there is that process: SIGKILL goes to the launcher and all
        processes, anything else to the launcher alone, which passes it on.
        """
        workers = [p for p in self._processes() if rank is not None and _is_worker(p, rank)]
        if workers or number != signal.SIGKILL:
            for process in workers or [psutil.Process(self._launcher.pid)]:
                process.send_signal(number)
            return
        while processes := self._processes():  # again: one may just have started another
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self._launcher.poll()

    def wait_for_end(self) -> None:
        """Wait until nothing is left of what was started.

        Raises:
            RuntimeError: something is, after `END_SECONDS`.
        """
        until = time.monotonic() + END_SECONDS
        while left := self._processes():
            if time.monotonic() > until:
                raise RuntimeError(f"Alive {END_SECONDS:.0f} s after an interruption: {left}")
            self._launcher.poll()
            time.sleep(0.1)

    def finish(self) -> None:
        """Let it train to its end.

        Raises:
            RuntimeError: it failed.
        """
        if self._launcher.wait() != 0:
            raise RuntimeError(f"Training failed. {self.log_tail()}")

    def log_tail(self) -> str:
        """The end of what was printed."""
        text = self._log.read_text(encoding="utf-8", errors="replace")
        return f"The end of {self._log}:\n{text[-2000:]}"

    def _processes(self) -> list[psutil.Process]:
        """The launcher and all that came from it, also when the launcher is gone."""
        return [p for p in psutil.process_iter() if _environment_of(p).get(MARK) == self._mark]


def _is_worker(process: psutil.Process, rank: int) -> bool:
    """Not the launcher, a shell or a helper of either."""
    try:
        is_trainer = "trainer" in process.cmdline()  # of a shell it is a part of an argument
    except psutil.Error:
        return False
    return is_trainer and _rank_in(_environment_of(process)) == str(rank)


def _rank_in(environment: dict[str, str]) -> str | None:
    """As Horovod's launcher or `TF_CONFIG` tells it."""
    if "TF_CONFIG" in environment:
        return str(json.loads(environment["TF_CONFIG"])["task"]["index"])
    return environment.get("HOROVOD_RANK")


def _environment_of(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:  # gone, or somebody else's
        return {}


def _environment(mark: str) -> dict[str, str]:
    """Without a launcher's variables, with few threads: all processes share one machine."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OF_LAUNCHERS)}
    root = str(Path(__file__).resolve().parents[2])
    return {**kept, MARK: mark, "PYTHONPATH": root, "TF_NUM_INTRAOP_THREADS": "1"}

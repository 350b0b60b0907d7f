"""Starts a command several times, with the variables that tell of the others.

usage: python scripts/timing/side_by_side.py TF_CONFIG|SLURM PROCESSES COMMAND…

As under `horovodrun` lines have the process in front, and signals are passed on. When one fails the
others have a minute to end by themselves, as under `srun --wait=60`. Exits with the largest exit
code, of one that was killed 128 + the signal.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

MINUTE = 60.0


def side_by_side(told_by: str, processes: int, command: Sequence[str]) -> list[str]:
    """`command`, started so."""
    return [sys.executable, str(Path(__file__).resolve()), told_by, str(processes), *command]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at."""
    with contextlib.ExitStack() as until_done:
        sockets = [until_done.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [found.getsockname()[1] for found in sockets]


def tf_config(addresses: list[str], index: int) -> str:
    """The variable of one of these processes."""
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": addresses}, "task": task})


def slurm(processes: int, job: int, rank: int) -> dict[str, str]:
    """SLURM's variables in one of these processes, all on this machine."""
    return {
        "SLURM_PROCID": str(rank),
        "SLURM_NODEID": "0",
        "SLURM_STEP_NUM_TASKS": str(processes),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_STEP_TASKS_PER_NODE": str(processes),
        "SLURM_JOB_ID": str(job),
    }


def _variables(told_by: str, processes: int) -> list[dict[str, str]]:
    """Those of each process."""
    if told_by == "SLURM":
        return [slurm(processes, os.getpid(), rank) for rank in range(processes)]
    addresses = [f"127.0.0.1:{port}" for port in free_ports(processes)]
    return [{"TF_CONFIG": tf_config(addresses, rank)} for rank in range(processes)]


def _pass_on(lines: IO[str], rank: int, to: IO[str]) -> None:
    for line in lines:
        to.write(f"[{rank}]<{to.name.strip('<>')}>:{line}")
        to.flush()


def main(told_by: str, processes: int, command: list[str]) -> int:
    started = [
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, **variables},
        )
        for variables in _variables(told_by, processes)
    ]

    def send(number: int, _: object) -> None:
        for process in started:
            process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, send)
    threads = [
        threading.Thread(target=_pass_on, args=(lines, rank, to))
        for rank, process in enumerate(started)
        for lines, to in ((process.stdout, sys.stdout), (process.stderr, sys.stderr))
    ]
    for thread in threads:
        thread.start()
    codes = _ends_of(started)
    for thread in threads:
        thread.join()
    return max(codes)


def _ends_of(started: list[subprocess.Popen]) -> list[int]:
    """The exit codes of all, as soon as all have ended."""
    until = None
    while None in (codes := [process.poll() for process in started]):
        if until is None and any(codes):
            until = time.monotonic() + MINUTE
        if until is not None and time.monotonic() > until:
            for process in started:
                process.kill()
        time.sleep(0.05)
    return [code if code >= 0 else 128 - code for code in codes]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))

"""What a command uses, with all processes that it starts.

    python scripts/growth/used_by.py COMMAND…

Prints a line of JSON behind what the command prints: seconds, seconds of processor time, and the
largest resident memory that its processes had together, in MB. What several of them share, such as
libraries, counts in each; it is looked at ten times a second.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import time

import psutil

POLL_SECONDS = 0.1


def used_by(command: list[str]) -> dict[str, float]:
    """Run the command to its end.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    before, started = _processor_seconds(), time.perf_counter()
    process, peak = subprocess.Popen(command), 0
    while process.poll() is None:
        peak = max(peak, _memory_of_all(process.pid))
        time.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": round(_processor_seconds() - before, 1),
        "peak_mb": round(peak / 1e6),
    }


def _processor_seconds() -> float:
    """Of all that has been started here, and by that, and has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory_of_all(root: int) -> int:
    """Resident bytes of this process and all below it."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):  # it ended
        parent = psutil.Process(root)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total


if __name__ == "__main__":
    print(json.dumps(used_by(sys.argv[1:])), flush=True)

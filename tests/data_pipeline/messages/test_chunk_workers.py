"""Chunks are worked on in order, and no worker outlives the process that it works for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

from data_pipeline.messages.chunk_workers import map_chunks

ENDLESS = """
import os
from itertools import count
from data_pipeline.messages.chunk_workers import map_chunks

def worker(chunk):
    return os.getpid()

if __name__ == "__main__":
    for pid in map_chunks(worker, count(), 2):
        print(pid, flush=True)
"""


def test_results_come_in_the_order_of_chunks():
    assert list(map_chunks(abs, range(-20, 0), 2)) == list(range(20, 0, -1))


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    (tmp_path / "endless.py").write_text(ENDLESS)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "endless.py"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    parent.stdout.readline()  # from a worker, so they are at work
    parent.kill()
    try:
        # Workers hold the pipe, too: it ends when the last of them has.
        parent.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)

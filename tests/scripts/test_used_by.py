"""What a command uses: that of the processes that it starts counts, too."""

from __future__ import annotations

import subprocess
import sys

import pytest
from growth.used_by import used_by

CHILD = """
import time
held = bytes(60_000_000).replace(b"\\0", b"1")
while time.process_time() < 0.5:
    pass
"""
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}], check=True)"


def test_time_and_memory_are_those_of_all_processes():
    used = used_by([sys.executable, "-c", PARENT])
    assert used["processor_seconds"] >= 0.5 and used["seconds"] >= 0.5
    assert 60 < used["peak_mb"] < 300


def test_a_command_that_fails_has_no_figures():
    with pytest.raises(subprocess.CalledProcessError):
        used_by([sys.executable, "-c", "exit(1)"])

"""One training at a time in a run directory; a dead owner does not block."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from data_pipeline.errors import InputError
from trainer.records.run_lock import OWNER_FILE, RunLock

QUICK = {"heartbeat_seconds": 0.02, "stale_seconds": 0.2, "settle_seconds": 0.01}
HOLD = """
import sys, pathlib
from trainer.records.run_lock import RunLock
with RunLock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def owner(directory):
    return json.loads((directory / OWNER_FILE).read_text())


def written_elsewhere(directory, **changes):
    """A lock as a process on another machine leaves it."""
    with RunLock(directory, **QUICK):
        content = owner(directory) | {"host": "elsewhere", "token": "theirs"} | changes
    (directory / OWNER_FILE).write_text(json.dumps(content))


@pytest.fixture
def holder(tmp_path):
    """Another process that holds `tmp_path`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=os.getcwd()
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_file_is_there_while_it_is_held(tmp_path):
    with RunLock(tmp_path, **QUICK):
        assert owner(tmp_path)["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_a_second_training_is_refused_while_the_first_lives(tmp_path, holder):
    with pytest.raises(InputError, match=f"is in use by process {holder.pid} on"):
        with RunLock(tmp_path, **QUICK):
            pass
    assert owner(tmp_path)["pid"] == holder.pid


def test_a_training_killed_on_the_same_machine_blocks_nobody(tmp_path, holder):
    holder.kill()
    holder.wait()
    # Were it to wait for a sign of life, this would take an hour.
    with RunLock(tmp_path, stale_seconds=3600, settle_seconds=0):
        assert owner(tmp_path)["pid"] == os.getpid()


def test_a_number_of_a_process_that_is_used_again_is_not_the_owner(tmp_path):
    with RunLock(tmp_path, **QUICK):
        content = owner(tmp_path)
    (tmp_path / OWNER_FILE).write_text(json.dumps(content | {"started": 1, "token": "old"}))
    with RunLock(tmp_path, **QUICK):
        assert owner(tmp_path)["started"] == content["started"]


def test_an_owner_elsewhere_that_writes_is_refused(tmp_path, monkeypatch):
    written_elsewhere(tmp_path)
    beats = iter(range(1, 100))
    monkeypatch.setattr(time, "sleep", lambda _: written_elsewhere_beat(tmp_path, next(beats)))
    with pytest.raises(InputError, match="is in use by process .* on elsewhere"):
        with RunLock(tmp_path, **QUICK):
            pass


def written_elsewhere_beat(directory, number):
    content = owner(directory) | {"heartbeat": number}
    (directory / OWNER_FILE).write_text(json.dumps(content))


@pytest.mark.parametrize("content", [None, "", "{half", "[1]"])
def test_an_owner_elsewhere_that_is_silent_is_taken_over(content, tmp_path):
    written_elsewhere(tmp_path)
    if content is not None:
        (tmp_path / OWNER_FILE).write_text(content)
    with RunLock(tmp_path, **QUICK):
        assert owner(tmp_path)["pid"] == os.getpid()


def test_an_owner_that_leaves_while_it_is_watched_makes_room(tmp_path, monkeypatch):
    written_elsewhere(tmp_path)
    monkeypatch.setattr(time, "sleep", lambda _: (tmp_path / OWNER_FILE).unlink())
    with RunLock(tmp_path, **QUICK):
        assert owner(tmp_path)["pid"] == os.getpid()


def test_of_two_that_take_over_at_once_one_gives_way(tmp_path, monkeypatch):
    written_elsewhere(tmp_path)
    lock = RunLock(tmp_path, **QUICK)
    write = lock._write

    def write_and_be_overtaken(number):
        write(number)
        text = json.dumps(owner(tmp_path) | {"token": "faster", "host": "third"})
        (tmp_path / OWNER_FILE).write_text(text)

    monkeypatch.setattr(lock, "_write", write_and_be_overtaken)
    with pytest.raises(InputError, match="on third"), lock:
        pass


def test_an_owner_that_was_taken_for_dead_stops_and_leaves_the_file(tmp_path):
    with RunLock(tmp_path, **QUICK) as lock:
        lock.check()
        content = owner(tmp_path) | {"token": "new", "host": "elsewhere"}
        partial = tmp_path / "partial"
        partial.write_text(json.dumps(content))
        os.replace(partial, tmp_path / OWNER_FILE)
        lock._heart.join(timeout=60)
        with pytest.raises(InputError, match="was taken over by process .* on elsewhere"):
            lock.check()
    assert owner(tmp_path)["token"] == "new"

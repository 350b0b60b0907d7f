"""Training starts only with as many devices as were asked for."""

from __future__ import annotations

import json
import socket

import pytest

from data_pipeline.errors import InputError
from trainer.distribution.world_size import check_world_size
from trainer.records.run_lock import OWNER_FILE, RunLock


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"DIET_TED_WORLD_SIZE": "4", "DIET_TED_WORLD_HOSTS": "2"},
        {"DIET_TED_MIN_WORLD_SIZE": "1", "DIET_TED_MAX_WORLD_SIZE": "4"},
    ],
)
def test_what_was_asked_for_passes(environ):
    check_world_size(4, 2, environ)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"DIET_TED_WORLD_SIZE": "8"}, "DIET_TED_WORLD_SIZE=8 was asked for, but 4 device"),
        # All processes on one machine, as when Open MPI 5 finds no host file.
        ({"DIET_TED_WORLD_SIZE": "4", "DIET_TED_WORLD_HOSTS": "4"}, "WORLD_HOSTS=4 was asked for"),
        ({"DIET_TED_MIN_WORLD_SIZE": "5", "DIET_TED_MAX_WORLD_SIZE": "8"}, "=5 to .*=8 was asked"),
        ({"DIET_TED_MAX_WORLD_SIZE": "2"}, "MAX_WORLD_SIZE=2"),
        ({"DIET_TED_WORLD_SIZE": "four"}, "must be a whole number. Received: 'four'"),
    ],
)
def test_anything_else_is_refused(environ, message):
    with pytest.raises(InputError, match=message):
        check_world_size(4, 2, environ)


def test_a_training_on_fewer_devices_ends_before_it_writes(command, project, tmp_path, monkeypatch):
    monkeypatch.setenv("DIET_TED_WORLD_SIZE", "2")
    line = command("--project", project, "--run-dir", tmp_path / "run").line
    assert "DIET_TED_WORLD_SIZE=2 was asked for, but 1 device(s) train on 1 host(s)" in line
    assert not (tmp_path / "run").exists()


def test_a_run_directory_in_use_is_refused(command, project, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with RunLock(run):
        line = command("--project", project, "--run-dir", run).line
        assert "is in use by process" in line
        assert [path.name for path in run.iterdir()] == [OWNER_FILE]


def test_a_finished_training_leaves_no_owner(trained):
    assert not (trained.run / OWNER_FILE).exists()
    assert json.loads((trained.run / "run.json").read_text())


def test_other_processes_than_the_chief_say_which_they_are(command, tmp_path, monkeypatch):
    monkeypatch.setenv("HOROVOD_RANK", "3")
    told = command("--project", tmp_path / "none").err.splitlines()[-1]
    assert told.startswith(f"[rank 3 on {socket.gethostname()}] Error: The project")

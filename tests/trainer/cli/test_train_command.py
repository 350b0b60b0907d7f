"""Training from a project to a run directory, and going on with it."""

from __future__ import annotations

import json


def test_training_leaves_a_run_directory_and_says_what_to_do_next(trained):
    names = {path.name for path in trained.run.iterdir()}
    assert names == {
        "run.json",
        "prepared",
        "pipeline.json",
        "checkpoints",
        "metrics.jsonl",
        "tensorboard",
    }
    assert "python -m trainer evaluate" in trained.result.out
    lines = (trained.run / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_the_same_command_again_finds_the_run_complete(command, trained):
    before = (trained.run / "metrics.jsonl").read_bytes()
    result = command("--project", trained.project, "--run-dir", trained.run)
    assert result.code == 0
    assert "Training was complete already" in result.out
    assert (trained.run / "metrics.jsonl").read_bytes() == before

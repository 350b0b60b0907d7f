"""evaluate, predict and export on runs and paths that do not serve."""

from __future__ import annotations

import json
import shutil

import pytest

COMMANDS = {
    "evaluate": lambda run, project: ("evaluate", run, "--nlu", project / "data"),
    "predict": lambda run, project: ("predict", run, "hello"),
    "export": lambda run, project: ("export", run),
}


@pytest.fixture(params=COMMANDS)
def answer(request, command, trained):
    """Runs one of the three commands on a run directory."""
    return lambda run: command(*COMMANDS[request.param](run, trained.project))


def test_a_directory_that_is_no_run(answer, tmp_path):
    line = answer(tmp_path).line
    assert f"{tmp_path} is not a run directory: it has no run.json" in line
    assert f"{tmp_path / 'none'} is not a run directory" in answer(tmp_path / "none").line


def test_a_run_without_checkpoints(answer, copy_of_run):
    shutil.rmtree(copy_of_run / "checkpoints")
    assert "holds no usable checkpoint. Train first." in answer(copy_of_run).line


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"config": {"diet": 3}}'])
def test_a_damaged_run_file(command, copy_of_run, text):
    (copy_of_run / "run.json").write_text(text)
    line = command("predict", copy_of_run, "hello").line
    assert str(copy_of_run / "run.json") in line and "--fresh" in line


@pytest.mark.parametrize("text", [None, "{", "[]", "{}"])
def test_a_damaged_or_missing_pipeline_file(command, copy_of_run, text):
    path = copy_of_run / "pipeline.json"
    path.unlink() if text is None else path.write_text(text)
    assert str(path) in command("predict", copy_of_run, "hello").line


def newest(run):
    return sorted((run / "checkpoints").iterdir())[-1]


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def test_a_damaged_newest_checkpoint_is_passed_over_with_a_warning(command, copy_of_run):
    damaged = newest(copy_of_run)
    truncate(damaged / "variables.npz")
    result = command("evaluate", copy_of_run, "--nlu", copy_of_run / "test.yml")
    assert result.code == 2  # there is no such test file
    assert f"Passing over the checkpoint {damaged}: variables.npz is truncated" in result.err
    assert "test.yml: no such file or folder" in result.line


def test_a_checkpoint_whose_state_is_damaged_is_passed_over(command, copy_of_run):
    (newest(copy_of_run) / "state.json").write_text("{")
    result = command("predict", copy_of_run, "hello you")
    assert result.code == 0 and "Passing over the checkpoint" in result.err
    assert json.loads(result.out)["text"] == "hello you"


def test_no_whole_checkpoint_left(command, trained, copy_of_run):
    for checkpoint in (copy_of_run / "checkpoints").iterdir():
        truncate(checkpoint / "variables.npz")
    assert "holds no usable checkpoint" in command("predict", copy_of_run, "hello").line
    result = command("--project", trained.project, "--run-dir", copy_of_run, "--epochs", 3)
    assert "All 2 checkpoints in" in result.line and "--fresh" in result.line


def test_a_test_file_without_messages(command, trained, tmp_path):
    (tmp_path / "empty.yml").write_text('version: "3.1"\nnlu: []\n')
    result = command("evaluate", trained.run, "--nlu", tmp_path / "empty.yml")
    assert "no test messages" in result.line


def test_figures_that_cannot_be_written_are_printed_all_the_same(command, trained, tmp_path):
    (tmp_path / "file").write_text("precious")
    result = command(
        *("evaluate", trained.run, "--nlu", trained.project / "data"),
        *("--json", tmp_path / "file" / "figures.json"),
    )
    path = tmp_path / "file"
    assert f"Cannot write {path / 'figures.json'}: {path} is not a directory" in result.line
    assert '"weighted_f1"' in result.out
    assert (tmp_path / "file").read_text() == "precious"


def test_texts_from_a_file_that_does_not_exist_or_is_not_text(command, trained, tmp_path):
    line = command("predict", trained.run, "--file", tmp_path / "none.txt").line
    assert "none.txt" in line and "No such file" in line
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    line = command("predict", trained.run, "--file", tmp_path / "latin.txt").line
    assert f"{tmp_path / 'latin.txt'} is not UTF-8 text" in line


def test_export_does_not_replace_something_else(command, trained, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_text("precious")
    line = command("export", trained.run, "--out", tmp_path / "photos").line
    assert "photos exists and is not a SavedModel. Choose another --out." in line
    assert (tmp_path / "photos" / "one.jpg").read_text() == "precious"


def test_export_to_where_nothing_can_be_written(command, trained, tmp_path):
    (tmp_path / "file").write_text("precious")
    line = command("export", trained.run, "--out", tmp_path / "file" / "model").line
    assert f"Cannot write a SavedModel to {tmp_path / 'file' / 'model'}: Not a directory" in line

"""Running a training command again: what may change, what may not, and that nothing is lost."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from pathlib import Path

import pytest

from trainer.checkpoints.checkpoint import newest_checkpoint, read_state
from trainer.records.run_directory import fresh_directory


def contents(run):
    """Every file of a run by its hash."""
    files = sorted(path for path in run.rglob("*") if path.is_file())
    return {str(p.relative_to(run)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture
def refused(command, trained, copy_of_run):
    """Runs the training command again with changes; gives the error line."""

    def run(*arguments, project=None):
        before = contents(copy_of_run)
        result = command(
            "--project", project or trained.project, "--run-dir", copy_of_run, *arguments
        )
        assert contents(copy_of_run) == before, "the old run is as it was"
        assert f"{copy_of_run} holds a run" in result.line and "--fresh" in result.line
        return result.line

    return run


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("transformer_size=32", "(diet.transformer_size: 16 -> 32)"),
        ("learning_rate=0.1", "(diet.learning_rate: 0.01 -> 0.1)"),
        ("dense_dimension={text: 9}", "(diet.dense_dimension.text: 8 -> 9)"),
        ("clip_norm=1.0", "(clip_norm: null -> 1.0)"),
        ("precision=mixed_bfloat16", '(precision: "float32" -> "mixed_bfloat16")'),
        ("BILOU_flag=false", "(diet.BILOU_flag: true -> false)"),
        ("epochs=1", "(diet.epochs: 2 -> 1)"),
    ],
)
def test_other_options_are_refused_and_named(refused, setting, said):
    assert said in refused("--set", setting)


def test_several_differences_are_all_named(refused):
    line = refused("--set", "transformer_size=32", "--seed", "5")
    assert "(diet.random_seed: 1 -> 5; diet.transformer_size: 16 -> 32)" in line


def test_another_pipeline_is_refused(refused, trained, tmp_path):
    project = shutil.copytree(trained.project, tmp_path / "project")
    config = project / "config.yml"
    config.write_text(config.read_text().replace("max_ngram: 2", "max_ngram: 3"))
    assert "pipeline[3].max_ngram: 2 -> 3" in refused(project=project)


def test_other_training_data_is_refused_and_the_prepared_data_set_stays(refused, trained, tmp_path):
    project = shutil.copytree(trained.project, tmp_path / "project")
    with (project / "data" / "nlu.yml").open("a") as file:
        file.write("- intent: new\n  examples: |\n    - something new\n")
    assert "a run on other training data" in refused(project=project)


@pytest.mark.shows("diet.epochs")
def test_more_epochs_go_on_where_the_run_ended(command, trained, copy_of_run):
    lines = (copy_of_run / "metrics.jsonl").read_text().splitlines()
    step = read_state(newest_checkpoint(copy_of_run / "checkpoints"))["position"]["step"]
    result = command(
        *("--project", trained.project, "--run-dir", copy_of_run, "--epochs", 3),
        *("--set", "keep_checkpoints=2"),
    )
    assert result.code == 0, result.err
    assert "epoch 3/3" in result.err and "epoch 2/3" not in result.err
    now = (copy_of_run / "metrics.jsonl").read_text().splitlines()
    assert now[:2] == lines and json.loads(now[2])["epoch"] == 3
    state = read_state(newest_checkpoint(copy_of_run / "checkpoints"))
    assert state["position"]["step"] > step and state["position"]["epoch"] == 3
    assert len(list((copy_of_run / "checkpoints").iterdir())) == 2
    assert json.loads((copy_of_run / "run.json").read_text())["config"]["diet"]["epochs"] == 3


def test_a_run_directory_that_cannot_be_written(command, project, tmp_path):
    (tmp_path / "file").write_text("precious")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        result = command("--project", project, "--run-dir", path)
        assert f"Cannot write to the run directory {path}" in result.line
        assert "--run-dir" in result.line
    assert (tmp_path / "file").read_text() == "precious"


def test_a_folder_of_other_files_keeps_them(command, project, tmp_path):
    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared" / "one.jpg").write_text("precious")
    result = command("--project", project, "--run-dir", tmp_path)
    assert f"{tmp_path / 'prepared'} exists and is not a prepared data set" in result.line
    assert (tmp_path / "prepared" / "one.jpg").read_text() == "precious"


@pytest.mark.parametrize(
    ("given", "new"),
    [(".", "here-2"), ("run/..", "here-2"), ("..", "above-2"), ("run", "run-2"), ("else", "else")],
)
def test_fresh_finds_a_new_directory_beside_any(tmp_path, monkeypatch, given, new):
    here = tmp_path / "above" / "here"
    (here / "run").mkdir(parents=True)
    monkeypatch.chdir(here)
    found = fresh_directory(Path(given))
    assert not found.exists() and found.resolve().name == new


def test_what_is_printed_can_be_pasted_into_a_shell(command, project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = command("--project", project, "--run-dir", "my run", "--epochs", 1)
    assert result.code == 0, result.err
    lines = [line.strip() for line in result.out.splitlines() if " -m " in line]
    assert len(lines) == 4
    assert all("my run" in shlex.split(line) for line in lines), lines

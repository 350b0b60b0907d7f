"""scripts/benchmark.py: what it has trained, what it makes of the times, and a whole small run."""

import doctest
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from timing import programs, report, rounds

from data_pipeline.errors import InputError
from trainer.config.project import Project

ROOT = Path(__file__).resolve().parents[2]
CONFIG = {
    "pipeline": [
        {"name": "WhitespaceTokenizer"},
        {"name": "CountVectorsFeaturizer"},
        {"name": "DIETClassifier", "epochs": 9, "number_of_transformer_layers": 1},
        {"name": "ResponseSelector", "epochs": 9},
    ],
    "policies": [{"name": "RulePolicy"}, {"name": "TEDPolicy", "epochs": 9}],
}
NLU = """\
nlu:
- intent: greet
  examples: |
    - hello you
    - hi [Anna](name)
- intent: bye
  examples: |
    - bye you
    - see you [Anna](name)
"""


@pytest.fixture
def job(tmp_path):
    (tmp_path / "config.yml").write_text(yaml.safe_dump(CONFIG))
    (tmp_path / "nlu.yml").write_text(NLU)
    project = Project.from_files(tmp_path / "config.yml", [tmp_path / "nlu.yml"])
    return rounds.Job(
        project, "diet", ("batch_size=2",), 0, 2, 1, ("single",), 1, None, tmp_path / "scratch"
    )


@pytest.mark.parametrize("module", [programs, report, rounds])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


def test_the_measured_model_alone_is_trained_with_the_given_options(job):
    written = rounds._configuration(job)
    diet = written["pipeline"][-1]
    assert (diet["name"], diet["epochs"], diet["batch_size"]) == ("DIETClassifier", 2, 2)
    assert [entry["name"] for entry in written["pipeline"][:-1]] == [
        "WhitespaceTokenizer",
        "CountVectorsFeaturizer",
    ]


def test_parts_of_a_step_add_up_to_a_step_of_the_loop():
    parts = {"input": 1.0, "forward": 7.0, "backward": 9.0, "optimizer": 2.0, "step": 18.0}
    single = [{"step": 0.03, "exchange_per_step": 0.005}]
    found = report.parts_of_step({"parts": parts, "single": single})
    assert sum(found[name] for name in report.PARTS) == pytest.approx(30.0)


def test_more_devices_are_compared_by_how_much_faster_they_are_and_rasa_by_how_much_slower():
    results = {"single": [{"epoch": 3.0}], "horovod:2": [{"epoch": 2.0}], "rasa": [{"epoch": 9.0}]}
    head, _, epoch = report.table("diet", results).splitlines()
    assert head == "| diet | single | horovod:2 | rasa | single / horovod:2 | rasa / single |"
    assert epoch == "| epoch, s | 3.00 | 2.00 | 9.00 | 1.50 | 3.00 |"


def test_what_rasa_has_not_got_is_not_told_of_it():
    notes = [{"epoch": 3.0, "exchange_per_step": 0.1, "checkpoint": 0.2}]
    lines = report.table("diet", {"horovod:2": notes, "rasa": notes}).splitlines()
    assert lines[3:] == [
        "| exchange per step, s | 0.100 | – | – |",
        "| training waits for a checkpoint, s | 0.20 | – | – |",
    ]


@pytest.mark.parametrize("devices", ["single:2", "horovod:0", "mirrored:two", "auto:2", "tpu"])
def test_devices_that_are_none_end_in_one_line(devices):
    with pytest.raises(InputError, match=f"Received: {devices}"):
        programs.our_program(devices, threads=None)


@pytest.mark.slow  # four processes that load TensorFlow
def test_a_small_project_is_measured(job, tmp_path):
    files = ["--config", tmp_path / "config.yml", "--nlu", tmp_path / "nlu.yml"]
    options = ["--model", "diet", "--epochs", "2", "--rounds", "1", "--out", tmp_path / "out"]
    devices = ["--devices", "single", "--devices", "mirrored:2", "--threads", "1"]
    command = [sys.executable, ROOT / "scripts/benchmark.py", *files, *options, *devices]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out/benchmark.json").read_text())["diet"]
    for name in ("single", "mirrored:2"):
        (ours,) = results[name]
        assert 0 < ours["epoch"] < ours["whole"] and ours["peak_gb"] > 0.1
    assert "| epoch, s |" in done.stdout and "optimizer" in done.stdout

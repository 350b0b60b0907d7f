"""Missing, contradicting or broken project files: one line that says where, and exit code 2."""

from __future__ import annotations

import re

import pytest


@pytest.fixture
def train(command, tmp_path):
    """Trains, which is expected to fail, and gives the error line."""

    def run(*arguments):
        result = command("train", "--run-dir", tmp_path / "run", *arguments)
        assert result.out == ""
        assert not (tmp_path / "run" / "checkpoints").exists()
        return result.line

    return run


def test_a_project_that_does_not_exist(train, tmp_path):
    assert f"{tmp_path / 'none'} does not exist" in train("--project", tmp_path / "none")


def test_a_project_that_is_a_file(train, project):
    assert "is not a directory" in train("--project", project / "config.yml")


def test_an_empty_project(train, tmp_path):
    (tmp_path / "empty").mkdir()
    line = train("--project", tmp_path / "empty")
    assert "it has no config.yml" in line and "Give --project DIR" in line


def test_a_project_without_data(train, project):
    (project / "data" / "nlu.yml").unlink()
    assert f"{project / 'data'}: no NLU training data here" in train("--project", project)
    (project / "data").rmdir()
    assert "it has no data" in train("--project", project)


def test_data_without_a_single_example(train, project):
    (project / "data" / "nlu.yml").write_text('version: "3.1"\nnlu: []\n')
    assert "no example with both a text and an intent" in train("--project", project)


def test_an_nlu_path_that_does_not_exist(train, project):
    line = train("--config", project / "config.yml", "--nlu", project / "none.yml")
    assert f"{project / 'none.yml'}: no such file or folder" in line


def test_a_link_that_leads_nowhere(train, project):
    (project / "data" / "lost.yml").symlink_to(project / "none.yml")
    line = train("--project", project)
    assert f"{project / 'data' / 'lost.yml'}: a link to a file that does not exist" in line


def test_both_ways_of_naming_the_input_at_once(train, project):
    line = train("--project", project, "--config", project / "config.yml")
    assert "--project cannot be combined with --config or --nlu" in line


@pytest.mark.parametrize(
    ("given", "missing"), [("--config", "--nlu PATH"), ("--nlu", "--config FILE")]
)
def test_half_of_config_and_nlu(train, project, given, missing):
    assert f"{missing} is missing" in train(given, project / "config.yml")


def test_a_configuration_that_does_not_exist(train, project):
    line = train("--config", project / "none.yml", "--nlu", project / "data")
    assert f"{project / 'none.yml'} does not exist" in line


@pytest.mark.parametrize(
    ("text", "line_number"),
    [
        ("pipeline:\n  - name: [DIETClassifier\n  - name: x\n", 3),
        ("pipeline:\n\t- name: x\n", 2),
        ("pipeline: !unknown []\n", 1),
    ],
)
def test_a_configuration_that_is_not_yaml(train, project, text, line_number):
    (project / "config.yml").write_text(text)
    line = train("--project", project)
    assert f"{project / 'config.yml'}:{line_number}: is not valid YAML" in line


def test_a_configuration_with_a_control_character(train, project):
    (project / "config.yml").write_text("pipeline: \x01\n")
    assert f"{project / 'config.yml'}: is not valid YAML" in train("--project", project)


def test_a_configuration_that_is_not_utf8(train, project):
    (project / "config.yml").write_bytes(b"pipeline: \xff\n")
    assert f"{project / 'config.yml'}: is not UTF-8" in train("--project", project)


def test_a_trainer_file_that_is_not_yaml(train, project):
    (project / "trainer.yml").write_text("precision: float32\nstrategy: {\n")
    line = train("--project", project)
    assert re.search(rf"{project / 'trainer.yml'}:[23]: is not valid YAML", line)


def test_a_trainer_file_that_is_a_list(train, project):
    (project / "trainer.yml").write_text("- strategy\n")
    line = train("--project", project)
    assert f"{project / 'trainer.yml'}: must hold keys and values" in line and "a list" in line


def test_training_data_that_is_not_yaml(train, project):
    with (project / "data" / "nlu.yml").open("a") as file:
        file.write("- intent: [broken\n- intent: x\n")
    lines = (project / "data" / "nlu.yml").read_text().count("\n")
    assert f"nlu.yml:{lines}: not valid YAML" in train("--project", project)


def test_training_data_that_is_not_utf8(train, project):
    with (project / "data" / "nlu.yml").open("ab") as file:
        file.write(b"- intent: \xff\xfe\n")
    assert f"{project / 'data' / 'nlu.yml'}: not readable as UTF-8" in train("--project", project)


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        ('{"entity": "city",}', "is not valid JSON"),
        ('{"role": "to"}', 'has no "entity"'),
        ('{"entity": 3}', "must be a string; received 3"),
    ],
)
def test_a_broken_entity_annotation_is_named_with_its_line(train, project, annotation, problem):
    path = project / "data" / "nlu.yml"
    text = path.read_text().replace("[Oslo](city) today", f"[Oslo]{annotation} today")
    number = text.splitlines().index(f"    - is it raining in [Oslo]{annotation} today") + 1
    path.write_text(text)
    line = train("--project", project)
    assert f"{path}:{number}: " in line and problem in line


def test_entities_between_tokens_are_counted_and_shown_and_preparing_goes_on(
    command, project, tmp_path
):
    path = project / "data" / "nlu.yml"
    text = path.read_text()
    for city in ("Oslo", "Bern", "Rome", "Paris"):
        # The entity ends within a word.
        text = text.replace(f"in [{city}](city) today", f"in [{city}](city)town today")
    path.write_text(text)
    result = command("prepare", project, "--out", tmp_path / "prepared")
    assert result.code == 0, result.err
    (warning,) = [line for line in result.err.splitlines() if "do not begin and end" in line]
    assert warning.startswith("4 annotated entities")
    shown = re.findall(r"nlu\.yml:\d+: \[\w+\]\(city\)", warning)
    assert len(shown) == 3
    assert (tmp_path / "prepared" / "header.json").is_file()

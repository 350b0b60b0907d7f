"""`--prepared`: damaged, foreign or made for another configuration; the file or key is named."""

from __future__ import annotations

import json
import shutil

import pytest

from data_pipeline.json_differences import json_differences
from data_pipeline.messages.feature_settings import check_same_files
from data_pipeline.messages.prepared import open_prepared
from trainer.config.project import Project
from trainer.run.resolve import resolve_all


@pytest.fixture
def prepared(trained, tmp_path):
    """A prepared data set, to be spoilt."""
    return shutil.copytree(trained.run / "prepared", tmp_path / "prepared")


@pytest.fixture
def train(command, trained, prepared, tmp_path):
    def run(*arguments):
        result = command(
            *("--project", trained.project, "--prepared", prepared),
            *("--run-dir", tmp_path / "new", *arguments),
        )
        assert not (tmp_path / "new" / "checkpoints").exists()
        return result.line

    return run


def test_a_truncated_file(train, prepared):
    file = prepared / "shard-00000.token_types.npy"
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[:-3])
    assert f"{file} is truncated or altered: {size} bytes were written, {size - 3}" in train()


def test_an_altered_file(train, prepared):
    file = prepared / "token_rows.data.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert f"{file} was altered" in train()


def test_a_missing_file(train, prepared):
    (prepared / "token_identity.npy").unlink()
    line = train()
    assert f"{prepared / 'token_identity.npy'} is missing from the prepared data set" in line
    assert "prepare again" in line


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"format": 1}'])
def test_a_damaged_header(train, prepared, text):
    (prepared / "header.json").write_text(text)
    assert f"{prepared / 'header.json'} is damaged" in train()


def test_a_header_of_another_version(train, prepared):
    (prepared / "header.json").write_text('{"format": 99}')
    assert "was prepared in format 99" in train()


def test_something_that_is_no_prepared_data_set(train, prepared):
    (prepared / "header.json").unlink()
    assert f"{prepared} is not a prepared data set: it has no header.json" in train()
    shutil.rmtree(prepared)
    assert f"{prepared} is not a prepared data set" in train()
    prepared.write_text("a file")
    assert f"{prepared} is not a prepared data set" in train()


def test_a_data_set_prepared_for_other_features(command, train, trained, prepared, tmp_path):
    project = shutil.copytree(trained.project, tmp_path / "project")
    config = project / "config.yml"
    config.write_text(config.read_text().replace("max_ngram: 2", "max_ngram: 3"))
    line = train("--project", project)
    assert f"{prepared} was prepared with other settings" in line
    assert "featurizers[2].max_ngram: 2 -> 3" in line


@pytest.mark.parametrize(
    ("option", "said"),
    [("BILOU_flag", "bilou: true -> false"), ("entity_recognition", "entities: true -> false")],
)
def test_a_data_set_prepared_for_other_tags(train, option, said):
    assert said in train("--set", f"{option}=false")


def test_a_data_set_prepared_from_other_training_files(train, trained, prepared, tmp_path):
    project = shutil.copytree(trained.project, tmp_path / "project")
    with (project / "data" / "nlu.yml").open("a") as file:
        file.write("- intent: bye\n  examples: |\n    - see you\n")
    line = train("--project", project)
    assert f"{prepared} was prepared from other training files than {project / 'data'}" in line


def test_a_data_set_may_be_used_without_its_training_files(trained, prepared, tmp_path, caplog):
    dataset = open_prepared(prepared)
    settings = resolve_all(Project.from_directory(trained.project), ["diet"])[0].feature_settings
    check_same_files(dataset, settings, [tmp_path / "elsewhere"])
    assert f"Whether {prepared} was prepared from" in caplog.text
    assert f"{tmp_path / 'elsewhere'}: no such file" in caplog.text


def test_options_that_do_not_touch_the_data_set_are_no_difference(
    command, trained, prepared, tmp_path
):
    result = command(
        *("--project", trained.project, "--prepared", prepared, "--run-dir", tmp_path / "new"),
        *("--set", "dense_dimension={text: 0}"),
    )
    assert "dense_dimension" in result.line and "other settings" not in result.line
    header = json.loads((prepared / "header.json").read_text())
    assert json_differences(header["settings"], header["settings"]) == []


def test_differences_name_what_is_only_on_one_side():
    before, now = {"a": 1, "b": [1, 2]}, {"b": [1], "c": None}
    assert json_differences(before, now) == [
        "a: 1 -> (absent)",
        "b: [1, 2] -> [1]",
        "c: (absent) -> null",
    ]


@pytest.mark.parametrize("below", ["file/prepared", "file"])
def test_a_place_where_no_data_set_can_be_written(command, project, tmp_path, below):
    (tmp_path / "file").write_text("precious")
    result = command("prepare", project, "--out", tmp_path / below)
    assert f"{tmp_path / below}" in result.line
    assert (tmp_path / "file").read_text() == "precious"


def test_a_folder_that_is_something_else_is_not_replaced(command, project, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_text("precious")
    result = command("prepare", project, "--out", tmp_path / "photos")
    assert f"{tmp_path / 'photos'} " in result.line
    assert (tmp_path / "photos" / "one.jpg").read_text() == "precious"

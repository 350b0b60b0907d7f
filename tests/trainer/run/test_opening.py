"""Before training: everything is read and checked, nothing that is there is lost."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from faq_project import add_faq

import trainer
import trainer.run.train
from data_pipeline.dialogue.prepared_dialogues import header_of_dialogues
from data_pipeline.errors import InputError
from data_pipeline.messages.prepare import Learnt
from trainer.config.project import Project
from trainer.run.chosen_tasks import chosen_models

QUICK = ("--epochs", "1", "--set", "entity_recognition=false")


@pytest.fixture
def spoilt(project):
    """A project one of whose entities ends within a word, which is a warning."""
    nlu = project / "data" / "nlu.yml"
    nlu.write_text(nlu.read_text().replace("in [Oslo](city) today", "in [Oslo](city)town today"))
    return project


def test_strict_hears_of_data_that_was_prepared_before_and_keeps_it(command, spoilt, tmp_path):
    options = ("--project", spoilt, "--run-dir", tmp_path, "--strict", "--epochs", "1")
    header = tmp_path / "prepared" / "header.json"
    line, written = command(*options).line, header.stat().st_mtime_ns
    assert "do not begin and end where tokens do" in line
    assert command(*options).line == line
    assert header.stat().st_mtime_ns == written


def test_strict_hears_what_is_said_while_models_are_chosen(command, project, tmp_path):
    with (add_faq(project) / "data" / "nlu.yml").open("a") as file:
        file.write("- intent: empty\n")  # read to count the responses that selectors learn
    line = command("--project", project, "--run-dir", tmp_path / "run", "--strict").line
    assert line.endswith("'empty' has no examples")
    assert not (tmp_path / "run").exists()


def test_a_file_that_changes_while_it_is_prepared_is_no_prepared_data(
    command, project, tmp_path, monkeypatch
):
    nlu, write = project / "data" / "nlu.yml", Learnt._write

    def change_and_write(learnt, folder):
        nlu.write_text(nlu.read_text().replace("hello you", "hello newcomer"))
        write(learnt, folder)

    monkeypatch.setattr(Learnt, "_write", change_and_write)
    line = command("prepare", project, "--out", tmp_path / "prepared").line
    assert "changed while they were prepared" in line
    assert not (tmp_path / "prepared").exists()


def test_a_place_with_the_data_of_another_model_is_named_as_that(command, project, tmp_path):
    prepared = tmp_path / "prepared"
    assert command("prepare", project, "--out", prepared).code == 0
    with pytest.raises(InputError, match="the prepared data set of another model"):
        header_of_dialogues(prepared)


def test_why_nothing_can_be_trained_is_said(project):
    without = replace(Project.from_directory(project), nlu=())
    with pytest.raises(InputError, match="DIETClassifier is not trained: no NLU training data"):
        chosen_models(without, None)


def test_python_may_train_in_another_thread(project, tmp_path):
    runs: list[object] = []

    def train():
        runs.append(
            trainer.train(
                project,
                run_dir=tmp_path / "run",
                epochs=1,
                options={"entity_recognition": False},
            )
        )

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert len(runs) == 1 and (tmp_path / "run" / "checkpoints").is_dir()


def test_options_that_do_not_fit_the_data_are_refused_before_anything_is_trained(
    command, project, tmp_path
):
    config = add_faq(project) / "config.yml"
    by_text = "    use_text_as_label: true\n"
    config.write_text(
        config.read_text().replace(by_text, by_text + "    share_hidden_layers: true\n")
    )
    result = command("--project", project, "--run-dir", tmp_path / "run", *QUICK)
    assert "can only share layers if their features are equally wide" in result.line
    assert "Building the model" not in result.err


def test_what_models_before_a_failing_one_came_to_is_told(command, project, tmp_path, monkeypatch):
    train_one = trainer.run.train._train_one
    calls: list[str] = []

    def first_only(request, run, distribution, job):
        calls.append(run.task.config.name)
        if len(calls) > 1:
            raise InputError("the second one cannot be trained")
        return train_one(request, run, distribution, job)

    monkeypatch.setattr(trainer.run.train, "_train_one", first_only)
    result = command("--project", add_faq(project), "--run-dir", tmp_path / "run", *QUICK)
    assert result.line == "Error: the second one cannot be trained"
    assert "Trained 1 epochs of DIET." in result.err

"""TED by the command line: one command trains both models, each with a run directory of its own."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
from command_line import newest_variables
from dialogue_project import POLICIES, add_dialogues

from trainer.config.project import Project
from trainer.run.resolve import resolve_all


@pytest.fixture(scope="module")
def both(tmp_path_factory, make_project, command):
    """A project whose two models were trained by one command: (project, run directory, result)."""
    directory = tmp_path_factory.mktemp("both")
    project = add_dialogues(make_project(directory / "tiny"))
    every_epoch = ("--set", "checkpoint_min_seconds=0")
    result = command("--project", project, "--run-dir", directory / "run", *every_epoch)
    assert result.code == 0, result.err
    return project, directory / "run", result


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


@pytest.mark.shows("ted.batch_size")
def test_one_command_trains_both_models_in_directories_of_their_own(both):
    _, run, result = both
    for directory, model in ((run, "diet"), (run / "ted", "ted")):
        assert model in json.loads((directory / "run.json").read_text())["config"]
        assert (directory / "tensorboard").is_dir()
    assert "2 epochs of DIET" in result.out and "3 epochs of TED" in result.out
    rows = [json.loads(line) for line in (run / "ted" / "metrics.jsonl").read_text().splitlines()]
    assert [row["global_batch_size"] for row in rows] == [5, 7, 9]
    assert {"loss/action", "action_accuracy", "l2"} <= rows[0].keys()


def test_ted_alone_learns_the_same_weights_in_the_run_directory_itself(both, command, tmp_path):
    project, run, _ = both
    result = command("--project", project, "--model", "ted", "--run-dir", tmp_path / "run")
    assert result.code == 0, result.err
    assert_same(newest_variables(run / "ted"), newest_variables(tmp_path / "run"))


def test_files_named_one_by_one_are_a_project(both, command, tmp_path):
    project, run, _ = both
    result = command(
        *("--config", project / "config.yml", "--domain", project / "domain.yml"),
        *("--stories", project / "data" / "stories.yml", "--run-dir", tmp_path / "run"),
        *("--epochs", 1),
    )
    assert result.code == 0, result.err
    assert "DIETClassifier is not trained: no NLU training data is named" in result.err
    assert "1 epochs of TED" in result.out


def test_an_interrupted_run_goes_on_to_the_same_weights(both, command, tmp_path):
    project, run, _ = both
    cut = tmp_path / "run"
    shutil.copytree(run / "ted", cut)
    for path in sorted((cut / "checkpoints").iterdir())[1:]:
        shutil.rmtree(path)  # as if it had ended after the first epoch
    result = command("--project", project, "--model", "ted", "--run-dir", cut)
    assert result.code == 0, result.err
    assert "epoch 2/3" in result.err and "epoch 1/3" not in result.err
    assert_same(newest_variables(run / "ted"), newest_variables(cut))


def test_the_same_command_again_says_that_both_are_complete(both, command):
    project, run, _ = both
    result = command("--project", project, "--run-dir", run)
    assert result.out.count("Training was complete already") == 2


@pytest.mark.shows("ted.epochs", "ted.learning_rate", "ted.random_seed", "ted.max_history")
def test_a_set_for_one_model_and_one_for_both(both):
    project = Project.from_directory(both[0])
    settings = ("ted.epochs=7", "learning_rate=0.5", "max_history=2", "clip_norm=3")
    diet, ted = resolve_all(project, ("diet", "ted"), settings, {"random_seed": 9})
    assert (diet.diet.epochs, ted.ted.epochs, ted.ted.max_history) == (2, 7, 2)
    assert diet.diet.learning_rate == ted.ted.learning_rate == 0.5
    assert diet.diet.random_seed == ted.ted.random_seed == 9
    assert diet.trainer.clip_norm == ted.trainer.clip_norm == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "ted", "--set", "diet.epochs=1"), "diet is not trained here"),
        (("--model", "ted", "--set", "ted.max_histry=1"), "did you mean 'max_history'"),
        (("--model", "diet", "--set", "max_history=1"), "unknown option 'max_history'"),
        (("--model", "ted", "--init-from", "RUN"), "--init-from is for diet; ted is always"),
    ],
)
def test_what_does_not_fit_together_is_refused(both, command, tmp_path, arguments, words):
    project, run, _ = both
    given = [run if argument == "RUN" else argument for argument in arguments]
    if "--run-dir" not in given:
        given += ["--run-dir", tmp_path / "run"]
    assert words in command("--project", project, *given).line


def test_one_of_several_models_is_gone_on_with_where_all_were_trained(both, command, tmp_path):
    project, run, _ = both
    copied = shutil.copytree(run, tmp_path / "run")
    again = command("--project", project, "--run-dir", copied, "--model", "ted")
    assert again.code == 0, again.err
    assert "Training was complete already: " in again.out
    assert f"Run directory: {copied / 'ted'}" in again.out


def test_data_of_several_models_prepared_together_is_found_by_each(both, command, tmp_path):
    project, _, _ = both
    prepared = tmp_path / "prepared"
    made = command("prepare", project, "--out", prepared)
    assert made.code == 0, made.err
    again = command("prepare", project, "--out", prepared, "--model", "diet")
    assert "nothing has changed" in again.err
    assert again.out.endswith(f"--prepared {prepared} --model diet\n")
    trained = command(
        *("--project", project, "--prepared", prepared, "--model", "ted", "--epochs", "1"),
        *("--run-dir", tmp_path / "run"),
    )
    assert trained.code == 0, trained.err


def test_changed_stories_are_refused(both, command, tmp_path, make_project):
    _, run, _ = both
    changed = add_dialogues(make_project(tmp_path / "tiny"))
    path = changed / "data" / "stories.yml"
    path.write_text(path.read_text().replace("action_book", "utter_sun"))
    cut = shutil.copytree(run / "ted", tmp_path / "run")
    line = command("--project", changed, "--model", "ted", "--run-dir", cut).line
    assert "other training data" in line


@pytest.mark.slow
@pytest.mark.shows("trainer.augmentation_factor")
def test_gluing_stories_is_part_of_what_a_run_keeps(both, command, tmp_path):
    project, run, _ = both
    assert "(0 of them glued)" not in both[2].err  # 50 by default
    unglued = ("--model", "ted", "--set", "augmentation_factor=0", "--epochs", 1)
    result = command("--project", project, *unglued, "--run-dir", tmp_path / "run")
    assert "(0 of them glued)" in result.err
    line = command("--project", project, *unglued, "--run-dir", run / "ted").line
    assert "augmentation_factor: 50 -> 0" in line


def test_a_project_without_a_domain_trains_diet_and_says_so(make_project, command, tmp_path):
    project = add_dialogues(make_project(tmp_path / "tiny"))
    (project / "domain.yml").unlink()
    result = command("--project", project, "--run-dir", tmp_path / "run", "--epochs", 1)
    assert result.code == 0
    assert "TEDPolicy is not trained: there is no domain with stories" in result.err
    assert not (tmp_path / "run" / "ted").exists()
    line = command("--project", project, "--model", "ted", "--run-dir", tmp_path / "b").line
    assert "--model ted: there is no domain with stories" in line


@pytest.mark.slow
@pytest.mark.shows(
    "ted.evaluate_every_number_of_epochs",
    "ted.evaluate_on_number_of_examples",
    "ted.checkpoint_model",
)
def test_held_out_actions_are_evaluated_on(make_project, command, tmp_path):
    project = add_dialogues(make_project(tmp_path / "tiny"))
    result = command(
        *("--project", project, "--model", "ted", "--run-dir", tmp_path / "run"),
        *("--set", "evaluate_on_number_of_examples=9"),
        *("--set", "evaluate_every_number_of_epochs=1", "--set", "checkpoint_model=true"),
    )
    assert result.code == 0, result.err
    rows = [json.loads(r) for r in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert all(0 <= row["val_action_accuracy"] <= 1 for row in rows)


@pytest.mark.slow
@pytest.mark.shows("ted.featurizer")
def test_whole_dialogues_train(make_project, command, tmp_path):
    whole = POLICIES.replace(
        "max_history: 4", "featurizer: [{name: FullDialogueTrackerFeaturizer}]"
    )
    project = add_dialogues(make_project(tmp_path / "tiny"), whole)
    result = command("--project", project, "--model", "ted", "--run-dir", tmp_path / "run")
    assert result.code == 0, result.err
    (examples,) = set(re.findall(r"(\d+) examples,", result.err))
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(rows[0])["examples"] == int(examples)  # not balanced

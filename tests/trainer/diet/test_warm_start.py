"""`--init-from`: what a run takes over from an earlier one, what it adds, and what it refuses."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from data_pipeline.errors import InputError
from data_pipeline.messages.earlier_pipeline import column_origins
from data_pipeline.messages.prepare import prepare
from data_pipeline.rasa_files.nlu_files import read_nlu
from trainer.checkpoints.checkpoint import newest_checkpoint
from trainer.checkpoints.variables_file import StoredVariables
from trainer.config.project import Project
from trainer.diet.config import DIETConfig
from trainer.diet.making import make_diet
from trainer.diet.trained import TrainedDIET
from trainer.diet.warm_start import WarmStart
from trainer.records.run_directory import RunDirectory
from trainer.run.resolve import resolve_all, with_epoch_fraction
from trainer.training.loop import TrainingLoop

NEW_DATA = """\
- intent: greet
  examples: |
    - salutations comrade
- intent: weather
  examples: |
    - will it snow in [Zagreb](city)
- regex: number
  examples: |
    - \\d+
"""


@pytest.fixture(scope="module")
def grown(trained, tmp_path_factory):
    """The project of the trained run, with more data."""
    project = shutil.copytree(trained.project, tmp_path_factory.mktemp("grown") / "tiny")
    with (project / "data" / "nlu.yml").open("a") as file:
        file.write(NEW_DATA)
    return project


@pytest.fixture(scope="module")
def prepared(trained, grown, command, tmp_path_factory):
    """More data, prepared for a run that starts from the trained one."""
    directory = tmp_path_factory.mktemp("grown") / "prepared"
    result = command("prepare", grown, "--out", directory, "--init-from", trained.run)
    assert result.code == 0, result.err
    return directory


@pytest.fixture(scope="module")
def started(trained, grown, prepared, command, tmp_path_factory):
    """A run on more data that started from the trained run; 0.4 of 2 epochs are 1."""
    run = tmp_path_factory.mktemp("started") / "run"
    result = command(
        *("--project", grown, "--prepared", prepared, "--run-dir", run),
        *("--init-from", trained.run, "--epoch-fraction", "0.4"),
    )
    assert result.code == 0, result.err
    return run, result


def initialised(trained, project, directory):
    """A trainer that has taken over the trained run and made no step yet, and its pipeline."""
    found = Project.from_directory(project)
    config = resolve_all(found, ["diet"])[0]
    start = WarmStart.find(trained.run, RunDirectory(directory), config)
    settings = replace(config.feature_settings, earlier=start.features)
    pipeline = prepare(found.nlu, settings, directory, show_progress=False).pipeline
    trainer = TrainingLoop(lambda: make_diet(config, pipeline, "float32"), distribution="single")
    start.initialise(trainer, pipeline, seed=1)
    return trainer, pipeline, config


def weights(path, group="model/"):
    with StoredVariables(path / "variables.npz") as stored:
        return {name: stored[name] for name in stored if name.startswith(group)}


# --- What is taken over ---------------------------------------------------------------------------


@pytest.fixture
def learnt(trained, copy_of_run, command):
    """The trained run, gone on with until it finds entities."""
    result = command("--project", trained.project, "--run-dir", copy_of_run, "--epochs", 12)
    assert result.code == 0, result.err
    return replace(trained, run=copy_of_run)


def test_before_the_first_step_old_texts_are_answered_as_before(learnt, grown, tmp_path):
    trainer, pipeline, config = initialised(learnt, grown, tmp_path / "prepared")
    texts = [message.text for message in read_nlu([learnt.project / "data"]).messages]
    before = list(TrainedDIET.load(learnt.run).answer(texts))
    now = list(TrainedDIET(config, pipeline, trainer.model, 0).answer(texts))
    # Five seeds, with and without oneDNN: in 30 of 42 texts (after two epochs: in 0 to 14).
    assert any(answer["entities"] for answer in before)
    for key, confidence in (
        ("intent_ranking", "confidence"),
        ("entities", "confidence_entity"),
    ):
        old, new = ([each for answer in a for each in answer[key]] for a in (before, now))
        np.testing.assert_allclose(
            [each[confidence] for each in new], [each[confidence] for each in old], rtol=1e-6
        )
        names = {"name", "entity", "start", "end", "value"}
        assert [{k: e.get(k) for k in names} for e in new] == [
            {k: e.get(k) for k in names} for e in old
        ]


def test_known_rows_keep_their_weights_and_new_ones_are_drawn_like_them(trained, grown, tmp_path):
    trainer, pipeline, _ = initialised(trained, grown, tmp_path / "prepared")
    stored = weights(newest_checkpoint(trained.run / "checkpoints"))
    origins = column_origins(RunDirectory(trained.run).load(DIETConfig)[1], pipeline)
    features = trainer.model.text.features
    kernels = {}
    for layer, rows in zip((features.sequence, features.sentence), origins, strict=True):
        now, old = layer.kernel.numpy(), stored[f"model/{layer.kernel.path}"]
        np.testing.assert_array_equal(now[rows >= 0], old[rows[rows >= 0]])
        drawn = now[rows < 0]
        assert drawn.size > 100
        error = old.std() / drawn.size**0.5
        assert abs(drawn.mean() - old.mean()) < 4 * error
        assert abs(drawn.std() - old.std()) < 4 * error
        kernels[f"model/{layer.kernel.path}"] = now
    for variable in trainer.model.variables:
        name = f"model/{variable.path}"
        if name not in kernels:
            np.testing.assert_array_equal(variable.numpy(), stored[name], err_msg=name)
    assert trainer.optimizer.iterations.numpy() == 0, "Adam starts anew"


def test_without_new_features_adam_goes_on_too(trained, tmp_path):
    trainer, _, _ = initialised(trained, trained.project, tmp_path / "prepared")
    checkpoint = newest_checkpoint(trained.run / "checkpoints")
    for group in ("model", "optimizer"):
        stored = weights(checkpoint, f"{group}/")
        now = {f"{group}/{v.path}": v.numpy() for v in trainer.variables[group]}
        assert stored.keys() == now.keys()
        for name, values in now.items():
            np.testing.assert_array_equal(values, stored[name], err_msg=name)
    assert trainer.optimizer.iterations.numpy() > 0


# --- The run --------------------------------------------------------------------------------------


def test_a_run_records_what_it_started_from_and_counts_from_zero(trained, started):
    run, result = started
    recorded = json.loads((run / "run.json").read_text())["init_from"]
    checkpoint = newest_checkpoint(trained.run / "checkpoints")
    assert recorded["run"] == str(trained.run) and recorded["checkpoint"] == checkpoint.name
    assert f"Starting from {checkpoint}: " in result.err and "Adam starts anew" in result.err
    assert [json.loads(line)["epoch"] for line in (run / "metrics.jsonl").open()] == [1]


def test_the_new_run_answers_with_the_new_words(started, command):
    result = command("predict", started[0], "salutations comrade 12")
    assert result.code == 0 and json.loads(result.out)["intent"]["name"]


@pytest.mark.slow
def test_a_run_that_goes_on_ends_as_one_that_was_never_interrupted(
    trained, grown, prepared, started, command, tmp_path
):
    """Though the run it started from is gone by now, and is not named again."""
    shutil.copytree(started[0], tmp_path / "run")
    rename_start(tmp_path / "run", tmp_path / "gone")
    options = ("--project", grown, "--epochs", 2)
    resumed = command(*options, "--run-dir", tmp_path / "run", "--prepared", prepared)
    assert resumed.code == 0, resumed.err
    assert "epoch 2/2" in resumed.err and "epoch 1/2" not in resumed.err
    assert "Starting from" not in resumed.err
    direct = command(*options, "--run-dir", tmp_path / "two", "--init-from", trained.run)
    assert direct.code == 0, direct.err
    one, other = (
        weights(newest_checkpoint(tmp_path / run / "checkpoints")) for run in ("run", "two")
    )
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


def rename_start(run, directory):
    """As if the run had been started from `directory`."""
    facts = json.loads((run / "run.json").read_text())
    facts["init_from"]["run"] = str(directory)
    (run / "run.json").write_text(json.dumps(facts))


def test_the_start_of_a_run_that_has_begun_need_not_be_there(trained, grown, started, tmp_path):
    config = resolve_all(Project.from_directory(grown), ["diet"])[0]
    run = shutil.copytree(started[0], tmp_path / "run")
    begun = WarmStart.find(None, RunDirectory(started[0]), config)
    assert begun == WarmStart.find(trained.run, RunDirectory(started[0]), config)
    rename_start(run, tmp_path / "gone")
    for given in (None, tmp_path / "gone"):
        start = WarmStart.find(given, RunDirectory(run), config)
        assert start.to_json() == {**begun.to_json(), "run": str(tmp_path / "gone")}
    moved = shutil.copytree(trained.run, tmp_path / "moved")
    assert WarmStart.find(moved, RunDirectory(run), config).run == moved


# --- What is refused ------------------------------------------------------------------------------


@pytest.fixture
def refused(trained, grown, command, tmp_path):
    def run(*arguments, project=grown, start=trained.run, directory=tmp_path / "run"):
        arguments = ("--project", project, "--init-from", start, *arguments)
        return command(*arguments, "--run-dir", directory).line

    return run


def test_what_is_no_run_or_has_no_checkpoint(refused, copy_of_run, tmp_path):
    new = {"directory": tmp_path / "new"}
    line = refused(start=tmp_path / "none", **new)
    assert f"{tmp_path / 'none'} is not a run directory" in line
    shutil.rmtree(copy_of_run / "checkpoints")
    assert "holds no usable checkpoint" in refused(start=copy_of_run, **new)


def test_the_run_directory_itself(refused, copy_of_run):
    line = refused(start=copy_of_run, directory=copy_of_run)
    assert f"--init-from {copy_of_run} is the run directory itself" in line and "--fresh" in line


def test_other_options_are_named_and_epochs_are_not(refused):
    line = refused("--set", "embedding_dimension=5", "--epochs", 7, "--set", "keep_checkpoints=9")
    assert "with other options (diet.embedding_dimension: 4 -> 5). Only epochs may differ" in line


def test_other_labels(refused, trained, tmp_path):
    project = shutil.copytree(trained.project, tmp_path / "project")
    nlu = project / "data" / "nlu.yml"
    nlu.write_text(nlu.read_text().replace("intent: bye", "intent: farewell"))
    line = refused(project=project)
    assert "(new intent farewell; no example of intent bye)" in line
    assert not (tmp_path / "run" / "prepared").exists()


def test_a_run_that_began_otherwise(refused, trained, started, copy_of_run, tmp_path):
    line = refused(project=trained.project, start=started[0], directory=copy_of_run)
    assert "holds a run that was started from no other run, not from" in line
    begun = shutil.copytree(started[0], tmp_path / "begun")
    line = refused(start=started[0], directory=begun)
    assert f"was started from {trained.run}, not from {started[0]}" in line


def test_a_checkpoint_that_is_gone_before_the_first_own_one(refused, trained, started, tmp_path):
    begun = shutil.copytree(started[0], tmp_path / "begun")
    shutil.rmtree(begun / "checkpoints")
    start = shutil.copytree(trained.run, tmp_path / "start")
    shutil.rmtree(newest_checkpoint(start / "checkpoints"))
    line = refused("--epochs", 1, start=start, directory=begun)
    assert "Training was to start from" in line and "--fresh" in line


def test_a_data_set_that_was_not_prepared_for_it(refused, trained, tmp_path):
    line = refused("--prepared", trained.run / "prepared", project=trained.project)
    assert "prepared with other settings (init_from: (absent) -> " in line


def test_an_epoch_fraction_without_a_start_or_of_nothing(command, refused, grown):
    line = command("--project", grown, "--epoch-fraction", "0.5").line
    assert "--epoch-fraction belongs to --init-from" in line
    assert "above 0. Received: 0.0" in refused("--epoch-fraction", "0")


def test_an_epoch_fraction_is_rounded_up(trained):
    config = resolve_all(Project.from_directory(trained.project), ["diet"])[0]
    assert [with_epoch_fraction(config, f).diet.epochs for f in (0.1, 0.5, 1.5)] == [1, 1, 3]
    with pytest.raises(InputError, match="Received: nan"):
        with_epoch_fraction(config, float("nan"))

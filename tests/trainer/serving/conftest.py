"""A run of DIET and TED that the tests of serving ask, each in an application of its own."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest
from dialogue_project import add_dialogues
from starlette.testclient import TestClient

import trainer
from model.diet.options import DIETOptions
from model.ted.options import TEDOptions
from trainer.export.saved_model import ExportOptions, export
from trainer.records.run_directory import RunDirectory
from trainer.serving.app import make_app
from trainer.serving.limits import Limits
from trainer.serving.newest_model import NewestModel
from trainer.serving.sources.run_source import RunSource
from trainer.trained_run import TrainedRun

PIPELINE = [{"name": "WhitespaceTokenizer"}, {"name": "CountVectorsFeaturizer"}]
DIET_OPTIONS = {
    "transformer_size": 8,
    "number_of_transformer_layers": 1,
    "number_of_attention_heads": 1,
    "embedding_dimension": 4,
}
TED_OPTIONS = {
    "transformer_size": {"text": 8, "action_text": 8, "label_action_text": 8, "dialogue": 8},
    "number_of_attention_heads": 1,
    "embedding_dimension": 4,
}


@pytest.fixture(scope="session")
def save_diet(tmp_path_factory, make_project):
    """`save_diet(directory, seed)` writes a run of a DIET that has learnt nothing yet."""
    project = make_project(tmp_path_factory.mktemp("served") / "tiny")
    data = trainer.prepare(project / "data" / "nlu.yml", PIPELINE, project / "prepared")

    def save(directory: Path, seed: int) -> None:
        options = DIETOptions(**DIET_OPTIONS, random_seed=seed)
        trainer.Trainer.for_diet(data, options).save(directory)

    return save


@pytest.fixture(scope="session")
def run_of_both(tmp_path_factory, make_project, save_diet) -> Path:
    """A run directory of both models, which have learnt nothing yet: they answer all the same."""
    directory = tmp_path_factory.mktemp("both")
    project = add_dialogues(make_project(directory / "tiny"))
    save_diet(directory / "run", seed=1)
    stories = trainer.prepare_stories(
        project / "domain.yml",
        project / "data" / "stories.yml",
        project / "prepared",
        augmentation_factor=0,
    )
    ted = trainer.Trainer.for_ted(stories, TEDOptions(**TED_OPTIONS, random_seed=1))
    ted.save(directory / "run" / "ted")
    return directory / "run"


@pytest.fixture(scope="session")
def run(run_of_both) -> TrainedRun:
    """The same, asked from Python."""
    return TrainedRun(run_of_both)


@pytest.fixture(scope="session")
def newest(run_of_both) -> NewestModel:
    """The run, loaded."""
    return NewestModel(RunSource(run_of_both))


@pytest.fixture(scope="session")
def models(run_of_both, tmp_path_factory) -> Path:
    """Both models, exported into one folder."""
    place = tmp_path_factory.mktemp("models")
    for name, run in {"diet": run_of_both, "ted": run_of_both / "ted"}.items():
        export(RunDirectory(run), place / name, ExportOptions(verify=False))
    return place


@pytest.fixture
def serving(newest):
    """Makes an application that answers, and a client of it, for a `with` block."""

    @contextmanager
    def served(model: NewestModel | None = None, limits: Limits | None = None, **options):
        app = make_app(model or newest, limits or Limits(), **options)
        with TestClient(app, raise_server_exceptions=False) as client:
            yield client

    return served


@pytest.fixture
def client(serving):
    """A client of an application with the default limits."""
    with serving() as client:
        yield client

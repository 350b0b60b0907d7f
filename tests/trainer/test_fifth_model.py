"""A model in its own files and in the list of models is trained, asked, exported and served."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, fields
from typing import ClassVar

import pytest

import trainer.front_door  # all that takes the list from `trainer.models`  # noqa: F401
from trainer import models
from trainer.checkpoints.checkpoint import answering_checkpoint, read_position
from trainer.diet.config import DIETConfig
from trainer.diet.making import make_diet
from trainer.diet.task import DIETTask
from trainer.diet.trained import TrainedDIET
from trainer.records.run_directory import RunDirectory
from trainer.serving.sources.chosen import source_of
from trainer.training.trained_weights import load_weights


@dataclass(frozen=True)
class FifthConfig(DIETConfig):
    """DIET's under another name."""

    model: ClassVar[str] = "fifth"

    def to_json(self):
        plain = super().to_json()
        return {self.model: plain.pop("diet"), **plain}

    @classmethod
    def from_json(cls, plain):
        return super().from_json({**plain, "diet": plain[cls.model]})


@dataclass(frozen=True)
class FifthTask(DIETTask):
    """DIET in the place of a component that is not trained here."""

    model: ClassVar[str] = FifthConfig.model
    component: ClassVar[str] = "KeywordIntentClassifier"
    config_class: ClassVar[type] = FifthConfig

    @classmethod
    def configured(cls, options, rasa, trainer):
        config = super().configured(options, rasa, trainer)
        return FifthConfig(**{field.name: getattr(config, field.name) for field in fields(config)})

    @staticmethod
    def load(directory):
        run = RunDirectory(directory)
        config, pipeline = run.load(FifthConfig)
        checkpoint = answering_checkpoint(run.checkpoints, best=False)
        model = make_diet(config, pipeline, "float32")
        load_weights(model, checkpoint, config.options.learning_rate)
        return TrainedDIET(config, pipeline, model, read_position(checkpoint).step)


@pytest.fixture
def five(monkeypatch):
    """The list of models with one more."""
    longer = (*models.MODELS, FifthTask)
    for module in [m for m in sys.modules.values() if getattr(m, "MODELS", None) is models.MODELS]:
        if module is not models:
            monkeypatch.setattr(module, "MODELS", longer)
    monkeypatch.setattr(models, "MODELS", longer)


@pytest.mark.slow
def test_a_fifth_model_needs_its_own_files_and_one_entry(command, project, tmp_path, five):
    config, run = project / "config.yml", tmp_path / "run"
    text = config.read_text().replace("DIETClassifier", FifthTask.component)
    config.write_text(text)
    line = command("--project", project, "--run-dir", run, "--set", "fifth.epoch=1").line
    assert "unknown option" in line and "'epochs'" in line
    trained = command("--project", project, "--run-dir", run, "--set", "fifth.epochs=1")
    assert trained.code == 0 and "Trained 1 epochs of FIFTH." in trained.out, trained.err
    answer = json.loads(command("predict", run, "hello there").out)
    assert answer["intent"]["name"] and answer["intent_ranking"]
    measured = command("evaluate", run, "--nlu", project / "data")
    assert measured.code == 0 and '"accuracy"' in measured.out
    exported = command("export", run, "--out", tmp_path / "exported")
    assert exported.code == 0, exported.err
    for place in (run, tmp_path / "exported"):
        answering = source_of(place).load()
        assert list(answering.models) == ["fifth"]
        (served,) = answering.messages(["hello there"])
        assert served["intent"]["name"] == answer["intent"]["name"]

"""A pretrained model that is not on this machine: trained without, said, and kept in mind."""

from __future__ import annotations

import json

import pytest
from golden.pretrained.tiny_transformers import make_tiny_transformer
from pretrained import needs

from data_pipeline.errors import InputError
from trainer.config.project import Project
from trainer.config.rasa_config import RasaConfig
from trainer.run.resolve import resolve_all

WITH_LANGUAGE_MODEL = """\
language: en
pipeline:
- name: WhitespaceTokenizer
- name: LanguageModelFeaturizer
  model_name: bert
  model_weights: {weights}
- name: CountVectorsFeaturizer
- name: DIETClassifier
  epochs: 1
  number_of_transformer_layers: 0
policies:
- name: RulePolicy
"""
WITH_SPACY = """\
language: de
pipeline:
- name: SpacyNLP{model}
- name: SpacyTokenizer
- name: SpacyFeaturizer
- name: CountVectorsFeaturizer
- name: DIETClassifier
policies:
- name: MappingPolicy
"""


@pytest.fixture
def read(project):
    """The configuration that a text is."""

    def reading(text: str) -> RasaConfig:
        (project / "config.yml").write_text(text, encoding="utf-8")
        return RasaConfig.read(project / "config.yml")

    return reading


def without(monkeypatch, *packages):
    """As if these were not installed."""
    monkeypatch.setattr(
        "data_pipeline.optional_packages.find_spec",
        lambda name: None if name in packages else name,
    )


def names(config: RasaConfig) -> list[str]:
    return [component["name"] for component in config.featurizing()]


@needs("transformers", "torch")
def test_a_language_model_out_of_reach_is_left_out_and_said_once(monkeypatch, read, caplog):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    config = read(WITH_LANGUAGE_MODEL.format(weights="no-such-model"))
    assert names(config) == ["WhitespaceTokenizer", "CountVectorsFeaturizer"]
    assert config.not_featurizing() == ("DIETClassifier",)
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert "LanguageModelFeaturizer is left out. DIET and TED see less" in record.getMessage()
    assert "'no-such-model': it is not on this machine, and the hub" in record.getMessage()


@needs("transformers", "torch")
def test_a_folder_that_is_no_model_is_an_error(read, tmp_path):
    with pytest.raises(InputError, match=r"config\.yml: LanguageModelFeaturizer: cannot load"):
        read(WITH_LANGUAGE_MODEL.format(weights=tmp_path)).featurizing()


@needs("transformers", "torch")
def test_a_run_without_a_model_does_not_go_on_with_it(monkeypatch, read, project, command):
    weights = make_tiny_transformer("bert", project.parent / "weights")
    read(WITH_LANGUAGE_MODEL.format(weights=weights))
    run = project.parent / "run"
    options = ("--project", project, "--run-dir", run)
    with monkeypatch.context() as patched:
        without(patched, "transformers")
        line = command(*options, "--strict").line
        assert "--strict, and there was a warning: " in line
        assert "pip install 'diet-ted-trainer[language-models]'" in line
        assert command(*options).code == 0
        assert command(*options).code == 0
    recorded = json.loads((run / "run.json").read_text(encoding="utf-8"))["config"]["pipeline"]
    assert [c["name"] for c in recorded] == ["WhitespaceTokenizer", "CountVectorsFeaturizer"]
    line = command(*options).line
    assert "holds a run with other settings (pipeline" in line
    assert "LanguageModelFeaturizer" in line
    refused = command(*options, "--fresh", "--prepared", run / "prepared").line
    assert "was prepared with other settings (featurizers" in refused
    assert "LanguageModelFeaturizer" in refused


def test_spacy_without_a_model_is_the_languages_or_none(monkeypatch, read, caplog):
    without(monkeypatch, "spacy")
    config = read(WITH_SPACY.format(model=""))
    assert "SpacyNLP names no model: de_core_news_md, as Rasa 2 took for 'de'." in config.notes
    assert {"name": "SpacyNLP", "model": "de_core_news_md"} in config.content["pipeline"]
    assert names(config) == ["WhitespaceTokenizer", "CountVectorsFeaturizer"]
    assert "WhitespaceTokenizer takes the place of SpacyTokenizer, and Spacy" in caplog.text
    assert "pip install 'diet-ted-trainer[spacy]'" in caplog.text


@needs("spacy")
def test_a_spacy_model_that_is_named_is_needed(read):
    config = read(WITH_SPACY.format(model="\n  model: de_core_news_md"))
    assert not any("names no model" in note for note in config.notes)
    with pytest.raises(InputError, match="python -m spacy download de_core_news_md"):
        config.featurizing()


def test_the_models_configuration_is_what_is_there(monkeypatch, read, project):
    without(monkeypatch, "spacy")
    read(WITH_SPACY.format(model=""))
    (resolved,) = resolve_all(Project.from_directory(project), ["diet"])
    assert [c["name"] for c in resolved.pipeline] == [
        "WhitespaceTokenizer",
        "CountVectorsFeaturizer",
    ]

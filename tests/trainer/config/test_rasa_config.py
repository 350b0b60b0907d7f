"""What `config.yml` means: empty sections, earlier versions of Rasa, and what is left out."""

from __future__ import annotations

import logging

import pytest
import yaml

from data_pipeline.featurizers.component_names import RASA_COMPONENTS
from trainer.components import EFFECTS, Effect, component_table, report_left_out
from trainer.config.earlier_versions import EMBEDDING_CLASSIFIER
from trainer.config.project import Project
from trainer.config.rasa_config import RasaConfig
from trainer.run.resolve import resolve_all


@pytest.fixture
def read(tmp_path):
    """The configuration that a text is."""

    def reading(text: str) -> RasaConfig:
        path = tmp_path / "config.yml"
        path.write_text(text, encoding="utf-8")
        return RasaConfig.read(path)

    return reading


def names(config: RasaConfig, section: str) -> list[str]:
    return [component["name"] for component in config.components(section)]


# --- Empty sections -------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "language: de\n", "pipeline:\npolicies:\nassistant_id:\n"])
def test_what_is_left_open_is_what_rasa_suggests(read, text):
    config = read(text)
    assert names(config, "pipeline")[-4:] == [
        "DIETClassifier",
        "EntitySynonymMapper",
        "ResponseSelector",
        "FallbackClassifier",
    ]
    (diet,) = config.components_named("pipeline", "DIETClassifier")
    assert diet["epochs"] == 100 and diet["constrain_similarities"] is True
    (ted,) = config.components_named("policies", "TEDPolicy")
    assert ted["max_history"] == 5 and ted["epochs"] == 100
    assert config.language == ("de" if "de" in text else "en")
    (note,) = config.notes
    assert note.startswith("Configured as Rasa suggests") and "DIETClassifier" in note


def test_a_section_that_is_there_stays(read):
    config = read("pipeline:\n- name: DIETClassifier\n  epochs: 3\n")
    assert config.components("pipeline") == [{"name": "DIETClassifier", "epochs": 3}]
    assert "TEDPolicy" in names(config, "policies")
    assert "policies: " in config.notes[0] and "pipeline: " not in config.notes[0]


def test_a_complete_configuration_has_no_notes(read):
    assert read("pipeline:\n- name: DIETClassifier\npolicies:\n- name: TEDPolicy\n").notes == ()


# --- Earlier versions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "first"),
    [
        ("supervised_embeddings", "WhitespaceTokenizer"),
        ("tensorflow_embedding", "WhitespaceTokenizer"),
        ("pretrained_embeddings_spacy", "SpacyNLP"),
        ("spacy_sklearn", "SpacyNLP"),
        ("pretrained_embeddings_convert", "WhitespaceTokenizer"),
    ],
)
def test_a_template_is_a_pipeline_with_diet(read, template, first):
    config = read(f"pipeline: {template}\npolicies:\n- name: KerasPolicy\n  epochs: 200\n")
    found = names(config, "pipeline")
    assert found[0] == first and "DIETClassifier" in found
    assert config.components("policies") == [{"name": "TEDPolicy", "epochs": 200}]
    assert template in config.notes[0] and "KerasPolicy as TEDPolicy" in config.notes[0]


def test_an_embedding_classifier_is_diet_without_what_it_had_not(read):
    config = read(
        "pipeline:\n- name: tokenizer_whitespace\n- name: intent_featurizer_count_vectors\n"
        "- name: intent_classifier_tensorflow_embedding\n  epochs: 7\n"
    )
    *_, diet = config.components("pipeline")
    assert names(config, "pipeline")[:2] == ["WhitespaceTokenizer", "CountVectorsFeaturizer"]
    assert diet == {**EMBEDDING_CLASSIFIER, "name": "DIETClassifier", "epochs": 7}


def test_beside_a_crf_diet_learns_the_entities_too(read):
    config = read(
        "pipeline:\n- name: WhitespaceTokenizer\n- name: CRFEntityExtractor\n"
        "- name: CountVectorsFeaturizer\n- name: EmbeddingIntentClassifier\n"
    )
    assert names(config, "pipeline") == [
        "WhitespaceTokenizer",
        "CountVectorsFeaturizer",
        "DIETClassifier",
    ]
    assert config.components("pipeline")[-1] == {"name": "DIETClassifier"}


def test_a_language_model_is_named_in_its_featurizer(read):
    config = read(
        "language: zh\npipeline:\n- name: HFTransformersNLP\n  model_name: bert\n"
        "- name: LanguageModelTokenizer\n- name: LanguageModelFeaturizer\n- name: DIETClassifier\n"
    )
    assert config.components("pipeline")[:2] == [
        {"name": "JiebaTokenizer"},
        {"name": "LanguageModelFeaturizer", "model_name": "bert"},
    ]


def test_policies_of_rules_are_one_and_max_history_is_the_policys(read):
    config = read(
        "policies:\n- name: FormPolicy\n- name: MappingPolicy\n- name: TEDPolicy\n  featurizer:\n"
        "  - name: MaxHistoryTrackerFeaturizer\n    max_history: 4\n    state_featurizer:\n"
        "    - name: BinarySingleStateFeaturizer\n"
    )
    assert config.components("policies") == [
        {"name": "RulePolicy"},
        {"name": "TEDPolicy", "max_history": 4},
    ]


def test_whole_dialogues_stay_an_option_of_the_policy(read):
    whole = [{"name": "FullDialogueTrackerFeaturizer"}]
    config = read(f"policies:\n- name: TEDPolicy\n  featurizer: {whole}\n")
    assert config.components("policies") == [{"name": "TEDPolicy", "featurizer": whole}]


def test_the_command_writes_a_configuration_that_needs_no_translation(command, project, tmp_path):
    (project / "config.yml").write_text("pipeline: supervised_embeddings\nlanguage: en\n")
    out = tmp_path / "migrated.yml"
    result = command("config", project, "--migrate", "--out", out)
    assert result.code == 0, result.err
    migrated = RasaConfig.read(out)
    assert migrated.notes == ()
    assert migrated.components("pipeline") == RasaConfig.read(project / "config.yml").components(
        "pipeline"
    )
    assert yaml.safe_load(out.read_text())["language"] == "en"


# --- What is left out -----------------------------------------------------------------------------


def test_every_component_of_rasa_has_an_effect():
    assert EFFECTS.keys() == RASA_COMPONENTS.keys()


def test_what_is_left_out_is_told_by_what_it_costs(caplog):
    caplog.set_level(logging.INFO)
    report_left_out(["MitieFeaturizer", "FallbackClassifier", "my.SpellChecker"], ["RulePolicy"])
    levels = {record.getMessage().split()[0]: record.levelname for record in caplog.records}
    assert levels == {"MitieFeaturizer": "WARNING", "my.SpellChecker": "WARNING", "Not": "INFO"}
    assert "FallbackClassifier, RulePolicy" in caplog.text


def test_used_components_are_not_told_of(caplog):
    caplog.set_level(logging.INFO)
    report_left_out(["DIETClassifier", "EntitySynonymMapper"], ["TEDPolicy", "my.Policy"])
    assert caplog.text == ""


def test_the_command_shows_what_happens_to_each_component(command, project):
    result = command("config", project)
    assert result.code == 0, result.err
    line = next(line for line in result.out.splitlines() if line.startswith("DIETClassifier"))
    assert Effect.TRAINED.value in line
    assert component_table(["my.Featurizer"]).endswith("what it does to texts is not done here)")


def test_a_warning_is_an_error_with_strict_also_when_data_was_prepared_before(
    command, project, tmp_path
):
    nlu = project / "data" / "nlu.yml"
    nlu.write_text(nlu.read_text().replace("](city) today", "] (city) today"))
    config = project / "config.yml"
    config.write_text(
        config.read_text().replace("  - name: EntitySynonymMapper", "  - name: MitieFeaturizer")
    )
    options = ("--project", project, "--run-dir", tmp_path / "run", "--epochs", "1")
    line = command(*options, "--strict").line
    assert "--strict, and there was a warning: MitieFeaturizer is left out" in line
    assert command(*options).code == 0


def test_an_option_without_effect_is_told_once_also_when_others_are_overridden(project, caplog):
    config = project / "config.yml"
    config.write_text(config.read_text().replace("epochs: 2", "epoch: 2"))
    resolved = resolve_all(
        Project.from_directory(project), ["diet"], ["diet.dense_dimension={text: 9}"]
    )[0]
    assert caplog.text.count("`epoch` is not an option") == 1
    assert resolved.options.dense_dimension == {"text": 9, "label": 8}

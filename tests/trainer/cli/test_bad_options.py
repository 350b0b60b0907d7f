"""Unknown options, wrong types and values, wherever options can be given."""

from __future__ import annotations

import pytest


@pytest.fixture
def train(command, project, tmp_path):
    """Trains with options that are expected to be refused; gives the error line."""

    def run(*arguments, config=(), trainer=None):
        path = project / "config.yml"
        text = path.read_text()
        for old, new in config:
            assert old in text
            text = text.replace(old, new, 1)
        path.write_text(text)
        if trainer is not None:
            (project / "trainer.yml").write_text(trainer)
        result = command("--project", project, "--run-dir", tmp_path / "run", *arguments)
        assert not (tmp_path / "run").exists()
        return result.line

    return run


# --- Unknown names --------------------------------------------------------------------------------


def test_an_unknown_option_of_diet(train, project):
    line = train("--strict", config=[("epochs: 2", "epoch: 2")])
    assert line.startswith("Error: --strict, and there was a warning: DIET: ")
    assert "`epoch` is not an option" in line and "Did you mean `epochs`" in line


def test_an_unknown_option_of_a_featurizer(train, project):
    line = train(config=[("min_ngram", "min_ngrams")])
    assert line.startswith(f"Error: {project / 'config.yml'}: CountVectorsFeaturizer: ")
    assert "'min_ngrams'; did you mean 'min_ngram'?" in line


def test_an_unknown_option_in_the_trainer_file(train, project):
    line = train(trainer="keep_checkpoint: 3\n")
    assert line.startswith(f"Error: {project / 'trainer.yml'}: ")
    assert "'keep_checkpoint'; did you mean 'keep_checkpoints'?" in line


@pytest.mark.parametrize(
    ("key", "meant"),
    [("clip_nrom", "clip_norm"), ("learnin_rate", "learning_rate"), ("diet.epoch", "epochs")],
)
def test_an_unknown_key_of_set(train, key, meant):
    assert f"--set: unknown option {key.removeprefix('diet.')!r}; did you mean {meant!r}?" in train(
        "--set", f"{key}=1"
    )


def test_an_unknown_flag(train):
    line = train("--epoch", "3")
    assert "--epoch" in line and "--epochs" in line and "--help" in line


def test_an_unknown_command(command):
    assert "No such command 'trian'" in command("trian").line


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["predict", "--help"]])
def test_help_is_no_error(command, arguments):
    result = command(*arguments)
    assert result.code == 0 and result.out.startswith("Usage: ") and result.err == ""


# --- Wrong types and values -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("epochs: 2", "epochs: two", "`epochs` must be a whole number of at least 1"),
        ("epochs: 2", "epochs: 0", "`epochs` must be a whole number of at least 1"),
        ("batch_size: 8", "batch_size: [64, 8]", "`batch_size` must be"),
        ("batch_size: 8", "batch_size: {a: 1}", "`batch_size` must be"),
        ("transformer_size: 16", "transformer_size: wide", "`transformer_size` must be"),
        ("transformer_size: 16", "transformer_size: 15", "`number_of_attention_heads` must divide"),
        ("{text: 8, label: 8}", "{texts: 8}", "`dense_dimension` must be a map with the keys"),
        ("learning_rate: 1e-2", "learning_rate: fast", "`learning_rate` must be a number"),
    ],
)
def test_a_wrong_value_of_diet(train, project, old, new, said):
    line = train(config=[(old, new)])
    assert line.startswith(f"Error: {project / 'config.yml'}: ")
    assert said in line and "Received: " in line


def test_a_wrong_type_in_a_featurizer(train, project):
    line = train(config=[("max_ngram: 2", "max_ngram: two")])
    assert line.startswith(f"Error: {project / 'config.yml'}: CountVectorsFeaturizer")
    assert "'max_ngram' must be a whole number; received 'two'" in line


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("strategy: ring", "strategy must be one of auto, single, mirrored, horovod"),
        ("precision: float8", "precision must be one of float32"),
        ("clip_norm: high", "clip_norm must be a number above 0"),
        ("clip_norm: .nan", "clip_norm must be a number above 0"),
        ("keep_checkpoints: 0", "keep_checkpoints must be a whole number of at least 1"),
        ("checkpoint_every_steps: true", "checkpoint_every_steps must be a whole number"),
        ("checkpoint_min_seconds: -1", "checkpoint_min_seconds must be a number of at least 0"),
        ("prepare_processes: 1.5", "prepare_processes must be a whole number"),
    ],
)
def test_a_wrong_value_in_the_trainer_file_or_on_the_command_line(train, project, written, said):
    line = train(trainer=written + "\n")
    assert line.startswith(f"Error: {project / 'trainer.yml'}: {said}") and "Received: " in line
    (project / "trainer.yml").unlink()
    line = train("--set", written.replace(": ", "="))
    assert line.startswith(f"Error: command line: {said}")


@pytest.mark.shows("trainer.strategy")
@pytest.mark.parametrize("flag", ["strategy", "precision"])
def test_a_wrong_value_of_a_flag(train, flag):
    assert f"command line: {flag} must be one of" in train(f"--{flag}", "fast")


def test_a_flag_that_is_not_a_number(train):
    line = train("--epochs", "many")
    assert "--epochs" in line and "'many' is not a valid integer" in line


def test_set_with_a_wrong_value_of_diet_blames_the_command_line(train):
    assert "command line: DIET: `epochs` must be" in train("--set", "epochs=many")


@pytest.mark.parametrize("text", ["epochs", "=3", ""])
def test_set_without_key_or_value(train, text):
    assert f"--set takes key=value. Received: {text!r}" in train("--set", text)


def test_set_with_a_value_that_is_not_yaml(train):
    assert "--set epochs: the value is not valid YAML. Received: '['" in train("--set", "epochs=[")


# --- The pipeline ---------------------------------------------------------------------------------


@pytest.mark.parametrize("pipeline", ["DIETClassifier", "[]", "{name: DIETClassifier}"])
def test_a_pipeline_that_is_not_a_list(train, project, pipeline):
    (project / "config.yml").write_text(f"pipeline: {pipeline}\n")
    assert f"{project / 'config.yml'}: 'pipeline:' must be a list of components" in train()


@pytest.mark.parametrize("component", ["DIETClassifier", "{epochs: 3}", "{name: 3}"])
def test_a_component_without_a_name(train, project, component):
    (project / "config.yml").write_text(f"pipeline:\n  - {component}\n")
    assert "component 1 of the pipeline must be a map with a 'name'" in train()


def test_a_pipeline_without_diet(train):
    assert "pipeline has no DIETClassifier" in train(config=[("DIETClassifier", "MyClassifier")])


def test_a_pipeline_without_a_known_tokenizer(train):
    line = train(config=[("WhitespaceTokenizer", "MitieTokenizer")])
    assert "MitieTokenizer, which is not available here" in line


def test_numbers_in_exponent_form_are_numbers(train):
    """PyYAML alone reads `1e-2` as text. The fixture's `learning_rate` is written so, too."""
    line = train("--set", "learning_rate=1e-3", "--set", "epochs=none")
    assert "epochs" in line and "learning_rate" not in line

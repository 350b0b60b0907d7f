"""predict and evaluate say what answers in Rasa and not here."""

from __future__ import annotations

import json

import pytest

from trainer.records.run_directory import RUN_FILE

SAID = "Answers are those of the trained models alone; in Rasa "


@pytest.fixture
def run(copy_of_run):
    """One of a project with components that only answer."""
    path = copy_of_run / RUN_FILE
    facts = json.loads(path.read_text())
    assert facts["components"]["pipeline"][-2:] == ["DIETClassifier", "EntitySynonymMapper"]
    assert "RulePolicy" in facts["components"]["policies"]  # as Rasa suggests
    facts["components"]["pipeline"] += ["DucklingEntityExtractor", "FallbackClassifier"]
    path.write_text(json.dumps(facts))
    return copy_of_run


def lines_of(result) -> list[str]:
    assert result.code == 0, result.err
    return [line.removeprefix(SAID) for line in result.err.splitlines() if SAID in line]


def test_predict_says_in_one_line_who_else_answers_in_rasa(command, run):
    result = command("predict", run, "hello there")
    assert lines_of(result) == ["DucklingEntityExtractor, FallbackClassifier answer, too."]
    assert json.loads(result.out)["text"] == "hello there"


def test_evaluate_says_it_too(command, run, trained):
    result = command("evaluate", run, "--nlu", trained.project / "data")
    assert lines_of(result) == ["DucklingEntityExtractor, FallbackClassifier answer, too."]


def test_nothing_is_said_where_all_that_answers_was_trained(command, trained):
    assert lines_of(command("predict", trained.run, "hello")) == []

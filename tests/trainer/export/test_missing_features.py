"""What cannot be in a graph: said at export, left out if wished; the rest is exported."""

from __future__ import annotations

import json

import pytest
import tensorflow as tf

REGEXES = r"""
- regex: number
  examples: |
    - \d+
- regex: before_rome
  examples: |
    - \w+ (?=Rome)
"""


@pytest.fixture(scope="module")
def run(command, make_project, tmp_path_factory):
    """One whose pipeline has a regex that looks ahead."""
    project = make_project(tmp_path_factory.mktemp("regexes") / "project")
    config, nlu = project / "config.yml", project / "data" / "nlu.yml"
    lexical = "  - name: LexicalSyntacticFeaturizer\n"
    config.write_text(config.read_text().replace(lexical, f"  - name: RegexFeaturizer\n{lexical}"))
    nlu.write_text(nlu.read_text() + REGEXES)
    result = command("--project", project, "--run-dir", project.parent / "run", "--epochs", 1)
    assert result.code == 0, result.err
    return project.parent / "run"


def card_of(folder) -> dict:
    return json.loads((folder / "assets.extra" / "model_card.json").read_text())


def test_a_regex_that_cannot_be_translated_costs_the_text_signature(command, run, tmp_path):
    result = command("export", run, "--out", tmp_path)
    assert result.code == 0, result.err
    for words in (
        "takes no raw text",
        "'before_rome'",
        r"\w+ (?=Rome)",
        "--allow-missing-features",
    ):
        assert words in result.err
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    assert set(loaded.signatures) == {"features"}
    card = card_of(tmp_path / "1")
    assert "before_rome" in card["missing"][0]
    assert card["verified"]["compared"].keys() == {"features of training texts"}


@pytest.mark.slow
def test_it_is_left_out_if_that_is_wished(command, run, tmp_path):
    result = command("export", run, "--out", tmp_path, "--allow-missing-features", "--no-verify")
    assert result.code == 0, result.err
    assert "Left out, as if it never matched: regex 'before_rome'" in result.err
    card = card_of(tmp_path / "1")
    assert len(card["missing"]) == 1 and "before_rome" in card["missing"][0]
    serve = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    assert serve(text=tf.constant(["fly to Rome"]))["intent_counts"].numpy().tolist() == [5]
    assert "before_rome" in (tmp_path / "1" / "assets.extra" / "model_card.md").read_text()

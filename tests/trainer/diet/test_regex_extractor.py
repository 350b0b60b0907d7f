"""A RegexEntityExtractor of the pipeline answers beside DIET, in Rasa's order."""

from __future__ import annotations

import json

import pytest

from trainer.trained_run import TrainedRun

LOOKUP = "- lookup: city\n  examples: |\n    - Rome\n    - big apple\n"
MAPPER = "  - name: EntitySynonymMapper\n"
EXTRACTOR = "  - name: RegexEntityExtractor\n"
BEFORE_DIET = "  - name: DIETClassifier\n    epochs: 1\n"


@pytest.mark.slow
def test_it_answers_is_measured_and_recorded(project, command, tmp_path):
    config, nlu = project / "config.yml", project / "data" / "nlu.yml"
    nlu.write_text(nlu.read_text() + LOOKUP)
    text = config.read_text().replace("epochs: 2", "epochs: 1")
    text = text.replace(BEFORE_DIET, EXTRACTOR + BEFORE_DIET)
    config.write_text(text.replace(MAPPER, f"{MAPPER}{EXTRACTOR}    case_sensitive: true\n"))
    run = tmp_path / "run"
    assert command("--project", project, "--run-dir", run).code == 0
    trained = TrainedRun(run)
    rome, lower, apple = (
        [e for e in trained.answer(text)["entities"] if e["extractor"] == "RegexEntityExtractor"]
        for text in ("fly to Rome", "fly to rome", "the big apple")
    )
    assert [e["value"] for e in rome] == ["Rome", "Rome"]
    assert [e["value"] for e in lower] == ["Rome"], "a synonym; the second one wants 'Rome'"
    assert [e["value"] for e in apple] == ["New York", "big apple"]
    assert apple[0]["processors"] == ["EntitySynonymMapper"] and "processors" not in apple[1]
    everything = trained.answer("fly to Rome")["entities"]
    assert everything[0] == rome[0] and everything[-1] == rome[-1]
    alone = trained.of_messages["diet"].without_extractors()
    assert list(alone.answer(["fly to Rome"]))[0]["entities"] == everything[1:-1]
    figures = trained.evaluate(nlu=[nlu]).figures
    assert figures["RegexEntityExtractor"]["predicted_spans"] > 0
    assert len(json.loads((run / "run.json").read_text())["config"]["regex_extractors"]) == 2

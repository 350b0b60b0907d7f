"""RegexEntityExtractor finds what Rasa's does (tests/golden/regex_extractor.json)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_pipeline.entities.regex_extractor import EntityPatterns, RegexEntityExtractor
from data_pipeline.errors import InputError
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.prepare import prepare
from data_pipeline.messages.scan import SideItems
from data_pipeline.rasa_files import nlu_files
from data_pipeline.rasa_files.nlu_files import iter_nlu

FILE = Path(__file__).resolve().parents[2] / "golden" / "regex_extractor.json"
RASA = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.fixture
def nlu(tmp_path):
    path = tmp_path / "nlu.yml"
    path.write_text(RASA["nlu"], encoding="utf-8")
    return path


def learnt(path) -> EntityPatterns:
    found = SideItems()
    list(found.take_from(iter_nlu([path])))
    return EntityPatterns.of(found.entity_names, found.regexes, found.lookups)


@pytest.mark.parametrize("case", RASA["cases"], ids=lambda case: str(case["options"]))
def test_entities_are_rasas(nlu, case):
    patterns = learnt(nlu)
    extractor = RegexEntityExtractor.from_options(patterns, case["options"])
    assert [extractor.extract(text) for text in RASA["texts"]] == case["entities"]


def test_prepared_and_loaded_again_they_are_mapped_as_in_rasa(nlu, tmp_path):
    pipeline = [{"name": "WhitespaceTokenizer"}, {"name": "CountVectorsFeaturizer"}]
    settings = FeatureSettings(pipeline, entity_patterns=True)
    fitted = prepare([nlu], settings, tmp_path / "prepared", show_progress=False).pipeline
    extractor = RegexEntityExtractor.from_options(fitted.entity_patterns, {})
    found = [fitted.synonyms.replace(extractor.extract(text)) for text in RASA["texts"]]
    assert found == RASA["cases"][0]["mapped"]
    without = prepare([nlu], FeatureSettings(pipeline), tmp_path / "other", show_progress=False)
    assert without.pipeline.entity_patterns is None
    assert "entity_patterns" not in without.header["settings"]


def test_patterns_of_no_entity_are_warned_of(tmp_path, caplog):
    path = tmp_path / "nlu.yml"
    path.write_text(RASA["nlu"].replace("](", "] ("), encoding="utf-8")
    assert learnt(path) == EntityPatterns()
    assert "RegexEntityExtractor finds nothing" in caplog.text


def test_an_unknown_option_is_refused():
    with pytest.raises(InputError, match="did you mean 'use_regexes'"):
        RegexEntityExtractor.from_options(EntityPatterns(), {"use_regex": True})


def test_files_are_not_read_once_more_for_the_patterns(nlu, tmp_path, monkeypatch):
    read, iter_nlu_file = [], nlu_files.iter_nlu_file
    monkeypatch.setattr(nlu_files, "iter_nlu_file", lambda f: read.append(f) or iter_nlu_file(f))
    pipeline = [{"name": "WhitespaceTokenizer"}, {"name": "CountVectorsFeaturizer"}]
    settings = FeatureSettings(pipeline, entity_patterns=True)
    prepare([nlu], settings, tmp_path / "prepared", show_progress=False)
    assert read == [nlu, nlu]  # to learn, and to write

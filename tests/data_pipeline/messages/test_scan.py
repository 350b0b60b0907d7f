"""The first pass over messages, chunk by chunk."""

from __future__ import annotations

import weakref

import pytest

from data_pipeline.messages import prepare as preparing
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import PIPELINE_FILE
from data_pipeline.messages.prepare import prepare
from data_pipeline.messages.scan import Scanner

PIPELINE = [
    {"name": "WhitespaceTokenizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer", "min_df": 2},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "max_ngram": 2},
]


@pytest.fixture
def nlu(tmp_path):
    path = tmp_path / "nlu.yml"
    examples = [f"    - word{n % 7} of [Town{n}](city) and [town{n % 3}](city)" for n in range(40)]
    lines = ["nlu:", "- intent: greet", "  examples: |", *examples[:20]]
    lines += ["- intent: bye", "  examples: |", *examples[20:]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_how_messages_are_chunked_makes_no_difference(nlu, tmp_path, monkeypatch):
    fitted = []
    for size in (1, 7, 2000):
        monkeypatch.setattr(preparing, "CHUNK_MESSAGES", size)
        prepare([nlu], FeatureSettings(PIPELINE), tmp_path / str(size), show_progress=False)
        fitted.append((tmp_path / str(size) / PIPELINE_FILE).read_text())
    assert fitted[0] == fitted[1] == fitted[2]


def test_what_chunks_tell_does_not_pile_up_in_memory(nlu, tmp_path, monkeypatch):
    told: list[weakref.ref] = []
    alive = []
    scan = Scanner.__call__

    def watched(scanner, messages):
        told.append(weakref.ref(statistics := scan(scanner, messages)))
        alive.append(sum(one() is not None for one in told))
        return statistics

    monkeypatch.setattr(Scanner, "__call__", watched)
    monkeypatch.setattr(preparing, "CHUNK_MESSAGES", 1)
    prepare([nlu], FeatureSettings(PIPELINE), tmp_path / "prepared", show_progress=False)
    assert len(alive) > 40 and max(alive) < 5

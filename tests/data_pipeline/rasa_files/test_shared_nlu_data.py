"""Real data sets, if they are at hand: set SHARED_DATA or keep them in ../shared/data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data_pipeline.rasa_files.nlu_files import iter_nlu_file, read_nlu
from data_pipeline.rasa_files.training_items import Message

SHARED_DATA = Path(
    os.environ.get("SHARED_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")
)


@pytest.fixture(autouse=True)
def _skip_without_data():
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no data sets in {SHARED_DATA}; set SHARED_DATA to where they are")


def test_snips_has_13084_training_messages():
    path = SHARED_DATA / "snips" / "train.yml"
    assert sum(isinstance(item, Message) for item in iter_nlu_file(path)) == 13_084
    assert len(read_nlu([path]).messages) == 12_860  # without duplicates, as in Rasa


def test_sara_loads_with_lookups_and_retrieval_intents():
    data = read_nlu([SHARED_DATA / "sara" / "data"])
    assert len(data.messages) == 4_995
    assert [(table.name, len(table.elements)) for table in data.lookups] == [("products", 7)]
    assert data.synonyms["USA" if "USA" in data.synonyms else "US"] == "USA"
    assert "chitchat/ask_howbuilt" in {message.response_key for message in data.messages}


def test_annotated_text_stands_in_the_line_that_is_named():
    for message in read_nlu([SHARED_DATA / "sara" / "data"]).messages[::200]:
        path, _, line = message.source.rpartition(":")
        written = Path(path).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert message.text.split()[0] in written


def test_legacy_markdown_loads():
    data = read_nlu([SHARED_DATA / "markdown" / "snips_test.md"])
    assert len(data.messages) == 699
    assert len({message.intent for message in data.messages}) == 7

"""Reading Rasa's old JSON format."""

from __future__ import annotations

import json

import pytest

from data_pipeline.entities.tags import misaligned, token_tags
from data_pipeline.errors import InputError
from data_pipeline.featurizers.featurizer import TokenizedMessage
from data_pipeline.rasa_files.nlu_json import iter_nlu_json
from data_pipeline.rasa_files.training_items import (
    Entity,
    LookupTable,
    Message,
    RegexPattern,
    Synonym,
)
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer


@pytest.fixture
def read(tmp_path):
    def read_data(data) -> list:
        path = tmp_path / "nlu.json"
        path.write_text(data if isinstance(data, str) else json.dumps({"rasa_nlu_data": data}))
        return list(iter_nlu_json(path))

    return read_data


def test_every_section_is_read(read):
    entity = {"start": 3, "end": 7, "entity": "city", "value": "ROM"}
    assert read(
        {
            "common_examples": [
                {"text": "to Rome", "intent": "go", "entities": [entity]},
                {"text": "when", "intent": "faq/hours"},
            ],
            "entity_synonyms": [{"value": "ROM", "synonyms": ["Rome"]}],
            "regex_features": [{"name": "zip", "pattern": "\\d+"}],
            "lookup_tables": [{"name": "city", "elements": ["Rome"]}],
        }
    ) == [
        Message("to Rome", "go", (Entity(3, 7, "city", "ROM"),)),
        Message("when", "faq", (), "faq/hours"),
        Synonym("Rome", "ROM"),
        RegexPattern("zip", "\\d+"),
        LookupTable("city", ("Rome",)),
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('{"rasa_nlu_data":\n{', r"nlu.json:2: not valid JSON"),
        ('{"other": 1}', r"no \"rasa_nlu_data\" map at the top"),
        ({"common_examples": {}}, r"common_examples must be a list; received \{\}"),
        ({"common_examples": [{"intent": "a"}]}, r"common_examples\[0\]: \"text\" must be str"),
        ({"regex_features": [{"name": "a"}]}, r"regex_features\[0\]: \"pattern\" must be str"),
        (
            {"common_examples": [{"text": "a", "entities": [{"start": 0, "end": 1}]}]},
            r"common_examples\[0\]: .* has no \"entity\"",
        ),
    ],
)
def test_malformed_file_is_refused_naming_the_record(read, data, message):
    with pytest.raises(InputError, match=message):
        read(data)


def test_an_entity_outside_of_the_text_is_a_warning_and_the_rest_is_read(read, caplog):
    """Rasa 3.6.21 keeps it, too, and finds out later that it fits no token."""
    city = {"start": 0, "end": 5, "entity": "city"}
    items = read({"common_examples": [{"text": "Oslo", "entities": [city]}, {"text": "b"}]})
    assert items == [Message("Oslo", None, (Entity(0, 5, "city", "Oslo"),)), Message("b")]
    outside = "common_examples[0]: an entity must lie inside the text of 4 characters"
    assert outside in caplog.text and "end 5; correct" in caplog.text
    message = TokenizedMessage(items[0], WhitespaceTokenizer().tokenize("Oslo"))
    assert misaligned(message) == list(items[0].entities)
    assert token_tags(message, "entity", bilou=True) == ["O"]

"""The JiebaTokenizer against the tokens of Rasa's, and its dictionaries on their way to a run."""

from __future__ import annotations

import json
import pickle

import pytest
from pretrained import golden, needs

from data_pipeline.errors import InputError
from data_pipeline.messages.pipeline_components import (
    build_featurizers,
    restore_tokenizer,
    saved_tokenizer,
)

RASA = golden("jieba")
pytestmark = needs("jieba")


def built(language="zh", **options):
    return build_featurizers([{"name": "JiebaTokenizer", **options}], language).tokenizer


def tokens_of(tokenizer):
    found = [tokenizer.tokenize(text) for text in RASA["texts"]]
    return [[[token.text, token.start, token.end] for token in tokens] for tokens in found]


@pytest.fixture
def dictionaries(tmp_path):
    for name, content in RASA["dictionaries"].items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def test_tokens_are_those_of_rasa(dictionaries):
    with_dictionaries = built(dictionary_path=str(dictionaries))
    assert tokens_of(with_dictionaries) == RASA["with_dictionaries"]
    assert tokens_of(built()) == RASA["plain"] != RASA["with_dictionaries"]
    assert tokens_of(built(token_pattern="[^ ,?]")) == RASA["pattern"]


def test_an_empty_text_has_no_tokens():
    assert built().tokenize("") == ()


def test_dictionaries_travel_with_the_run(dictionaries):
    tokenizer = built(dictionary_path=str(dictionaries))
    saved = json.loads(json.dumps(saved_tokenizer(tokenizer)))
    sent = pickle.dumps(tokenizer)
    for path in dictionaries.iterdir():
        path.unlink()
    assert tokens_of(restore_tokenizer(saved)) == RASA["with_dictionaries"]
    assert tokens_of(pickle.loads(sent)) == RASA["with_dictionaries"]


def test_dictionaries_are_source_files(dictionaries):
    files = built(dictionary_path=str(dictionaries)).source_files()
    assert [path.name for path in files] == sorted(RASA["dictionaries"])


def test_a_missing_folder_of_dictionaries_is_named():
    with pytest.raises(InputError, match="'dictionary_path' must name a folder .* received 'x/y'"):
        built(dictionary_path="x/y").source_files()


def test_intent_names_are_split_as_by_other_tokenizers():
    assert built(intent_tokenization_flag=True).label_tokens("a_b") == ("a", "b")

"""The features of the graph are Python's: all of Unicode, many pipelines, real data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml
from hypothesis import given
from text_graph.comparison import Comparison, features_in_python, fitted
from text_graph.fuzzed_texts import SHARED_DATA, fuzzed_texts, many_at_once

from data_pipeline.rasa_files.nlu_files import find_nlu_files, iter_nlu_file
from data_pipeline.rasa_files.training_items import LookupTable, Message, RegexPattern
from data_pipeline.text_graph.strings.not_in_graph import NotInGraph

ROOT = Path(__file__).resolve().parents[3]
PIZZA = ROOT / "examples" / "pizza"

TEXTS = (
    "fly from Rome to New York, please! pizza@example.org or http://pizza.org/a?b=c",
    "İstanbul ve Iğdır: 12 kişi, saat 18:30'da – ΟΔΟΣ Σίσυφος ὈΔΥΣΣΕΎΣ",
    "naïve Straße CAFÉ e\u0301te\u0301 don't re-try x_1 5^^a .あ^.あ 😀 3½ ²",
    "a the of 100 pizzas NEW york zzz",
)
ITEMS = (
    *(Message(text, "intent") for text in TEXTS),
    RegexPattern("number", r"\b\d+\b"),
    RegexPattern("greek", r"[α-ωΣ]+|ς$"),
    RegexPattern("signs", r"[^\w\s]{2,}?"),
    RegexPattern("overlap", r"(?i:aba)|b\s+\S"),
    LookupTable("city", ("Rome", "New York", "new", "York", "ὈΔΥΣΣΕΎΣ", "Iğdır", "ι", "rome.")),
    LookupTable("signs", ("a^.^b", "don't", "don", "x_1", "re-try", "aa", "a")),
)
EVERY_AFFIX = ["prefix2", "prefix5", "suffix1", "suffix2", "suffix3", "suffix5", "low", "EOS"]


def words(**options) -> dict:
    return {"name": "CountVectorsFeaturizer", **options}


PIPELINES = {
    "defaults": [words(), {"name": "LexicalSyntacticFeaturizer"}, {"name": "RegexFeaturizer"}],
    "characters in words": [words(analyzer="char_wb", min_ngram=1, max_ngram=4)],
    "words shorter than the shortest n-gram": [words(analyzer="char_wb", min_ngram=5, max_ngram=6)],
    "characters": [words(analyzer="char", min_ngram=2, max_ngram=3)],
    "case counts": [
        words(lowercase=False, max_ngram=2),
        words(analyzer="char", lowercase=False),
        words(lowercase=False, strip_accents="unicode"),
    ],
    "accents": [
        words(strip_accents="unicode", max_ngram=2),
        words(analyzer="char_wb", max_ngram=3, strip_accents="ascii"),
        words(analyzer="char", max_ngram=2, strip_accents="unicode"),
    ],
    "stop words": [
        words(stop_words=["the", "to", "a"], max_ngram=3),
        words(min_ngram=2, max_ngram=2),
    ],
    "unknown words": [
        words(OOV_token="zzz"),
        words(OOV_token="__oov__", OOV_words=["Rome", "pizzas"], max_ngram=2),
    ],
    "windows": [
        {
            "name": "LexicalSyntacticFeaturizer",
            "features": [["low"], EVERY_AFFIX, ["BOS", "digit", "title"], EVERY_AFFIX],
        },
    ],
    "patterns of any case": [{"name": "RegexFeaturizer", "case_sensitive": False}],
    "patterns without word boundaries": [
        {"name": "RegexFeaturizer", "use_word_boundaries": False},
        {"name": "RegexFeaturizer", "case_sensitive": False, "use_word_boundaries": False},
    ],
}
TOKENIZERS = {
    "whole words": {},
    "pieces": {"token_pattern": r"(?u)\b\w+\b"},
    "odd pieces": {"token_pattern": r"a\b|\d{2}|[^\W\d]{2,4}?[.'-]?"},
}


def pipeline_of(name: str, tokenizer: str = "whole words"):
    first = {"name": "WhitespaceTokenizer", **TOKENIZERS[tokenizer]}
    # A sentence without sequence features is no data set, so plain words come along.
    return fitted([first, *PIPELINES[name], words(alias="plain")], ITEMS)


KNOWN = [word for text in TEXTS for word in text.split()]


@pytest.fixture(scope="module", params=[
    *((name, "whole words") for name in PIPELINES),
    *(("defaults", name) for name in TOKENIZERS if name != "whole words"),
], ids=", ".join)  # fmt: skip
def comparison(request) -> Comparison:
    return Comparison(pipeline_of(*request.param))


@many_at_once
@given(fuzzed_texts(KNOWN))
def test_any_string_has_the_same_features(comparison, texts):
    comparison.check(texts)


def test_training_texts_have_features(comparison):
    comparison.check(TEXTS)
    indices = comparison.of_graph(TEXTS)["text_sequence_indices"]
    assert len(indices) > 30


@pytest.mark.parametrize("texts", [[], [""], ["", "a", ""], [" "], ["\x00"], ["", ""]])
def test_any_number_of_texts_empty_ones_too(comparison, texts):
    comparison.check(texts)


def test_malformed_utf_8_counts_as_replacement_characters():
    comparison = Comparison(pipeline_of("characters"))
    for text in (
        b"a\xffb",
        b"\xc3",
        b"\xe2\x82 x",
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
        b"ok",
    ):
        tokens = comparison.features(tf.constant([text])).tokens
        decoded = b"".join(tokens.texts.strings().numpy()).decode()
        assert decoded == text.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def pizza() -> Comparison:
    pipeline = yaml.safe_load((PIZZA / "config.yml").read_text())["pipeline"]
    items = [item for path in find_nlu_files([PIZZA / "data"]) for item in iter_nlu_file(path)]
    return Comparison(fitted(pipeline, items))


def test_the_bundled_example(pizza):
    texts = [
        item.text
        for path in find_nlu_files([PIZZA / "data", PIZZA / "tests"])
        for item in iter_nlu_file(path)
        if isinstance(item, Message)
    ]
    pizza.check(texts)


@many_at_once
@given(fuzzed_texts(["pepperoni", "large", "two", "extra cheese", "AB1234", "12345", "Berlin"]))
def test_any_string_as_the_bundled_example_sees_it(pizza, texts):
    pizza.check(texts)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("snips/test.yml", "snips/val.yml"),
        ("nlu_evaluation_fold1/test.yml", "nlu_evaluation_fold1/test.yml"),
        ("sara/split/test.yml", "sara/split/test.yml"),
        pytest.param("snips/train.yml", "snips/train.yml", marks=pytest.mark.slow),
        pytest.param("sara/split/train.yml", "sara/split/train.yml", marks=pytest.mark.slow),
        pytest.param(
            "nlu_evaluation_fold1/train.yml",
            "nlu_evaluation_fold1/train.yml",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_real_data_sets(train, test):
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no data sets in {SHARED_DATA}; set SHARED_DATA to where they are")
    folder = (SHARED_DATA / train).parent
    pipeline = yaml.safe_load((folder / "config.yml").read_text())["pipeline"]
    comparison = Comparison(fitted(pipeline, list(iter_nlu_file(SHARED_DATA / train))))
    texts = [i.text for i in iter_nlu_file(SHARED_DATA / test) if isinstance(i, Message)]
    for start in range(0, len(texts), 256):
        comparison.check(texts[start : start + 256])


def test_word_vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(
        "rome 1 -2 0.5\nRome 3 1 1\nnothing 0 0 0\npizza@example.org -1 -1 -1\nσ 1 1 1\n"
    )
    vectors = {"name": "WordVectorsFeaturizer", "path": str(path)}
    pipeline = fitted(
        [
            {"name": "WhitespaceTokenizer"},
            vectors,
            {**vectors, "pooling": "max", "lowercase": False, "alias": "max"},
            words(),
        ],
        ITEMS,
    )
    comparison = Comparison(pipeline)
    texts = [*TEXTS, "", "rome Rome ROME nothing", "nothing", "Σ Rome", "unknown"]
    comparison.check(texts)
    dense = comparison.of_graph(texts)["text_sentence_dense"]
    np.testing.assert_array_equal(dense, features_in_python(pipeline, texts)["text_sentence_dense"])
    assert dense.shape == (9, 6) and dense[5].tolist() == pytest.approx([5 / 3, -1, 2 / 3, 3, 1, 1])


def test_refused_patterns_are_all_named_or_left_out():
    items = [*ITEMS, RegexPattern("ahead", "a(?=b)"), RegexPattern("again", r"(a)\1")]
    pipeline = fitted([{"name": "WhitespaceTokenizer"}, *PIPELINES["defaults"]], items)
    with pytest.raises(NotInGraph, match=r"'again'.*group.*'ahead'.*\(\?=") as error:
        Comparison(pipeline)
    assert "number" not in str(error.value)
    comparison = Comparison(pipeline, leave_out_regexes=True)
    assert len(comparison.features.left_out) == 2
    comparison.check(["nothing in here to find", "12 pizzas"])


def test_what_runs_in_python_is_named(monkeypatch):
    pipeline = pipeline_of("defaults")
    monkeypatch.setattr(type(pipeline.tokenizer), "name", "JiebaTokenizer")
    pipeline.tokenizer = type("Other", (), {"name": "JiebaTokenizer"})()
    with pytest.raises(NotInGraph, match="JiebaTokenizer can only run in Python"):
        Comparison(pipeline)

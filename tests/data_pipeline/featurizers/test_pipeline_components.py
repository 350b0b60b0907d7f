"""Building featurizers from a Rasa pipeline."""

from __future__ import annotations

import pytest

from data_pipeline.errors import InputError
from data_pipeline.featurizers.count_vectors import CountVectorsFeaturizer
from data_pipeline.featurizers.pipeline_components import build_featurizers, restore_featurizer

TOKENIZER = {"name": "WhitespaceTokenizer"}
COUNT = {"name": "CountVectorsFeaturizer"}


def test_pipeline_becomes_tokenizer_featurizers_and_skipped_names():
    components = build_featurizers(
        [
            {**TOKENIZER, "intent_tokenization_flag": True},
            {"name": "RegexFeaturizer"},
            {"name": "LexicalSyntacticFeaturizer", "alias": "lexical"},
            {"name": "rasa.nlu.featurizers.count_vectors.CountVectorsFeaturizer", "min_df": 2},
            {**COUNT, "analyzer": "char_wb", "max_ngram": 4, "alias": "chars"},
            {"name": "DIETClassifier", "epochs": 3},
            {"name": "DucklingEntityExtractor", "url": "x"},
        ]
    )
    assert components.tokenizer.label_tokens("a_b") == ("a", "b")
    assert [featurizer.alias for featurizer in components.featurizers] == [
        "RegexFeaturizer",
        "lexical",
        "CountVectorsFeaturizer",
        "chars",
    ]
    assert components.featurizers[2].options()["min_df"] == 2
    assert components.skipped == ("DIETClassifier", "DucklingEntityExtractor")


@pytest.mark.parametrize("pipeline", [None, [], [{"name": "DIETClassifier"}]])
def test_pipeline_without_featurizers_needs_no_tokenizer(pipeline):
    components = build_featurizers(pipeline)
    assert components.tokenizer is None
    assert components.featurizers == ()


def test_saved_featurizer_is_restored_by_name():
    (featurizer,) = build_featurizers([TOKENIZER, {**COUNT, "max_ngram": 2}]).featurizers
    restored = restore_featurizer(
        {"name": featurizer.name, "options": featurizer.options(), "state": featurizer.state()}
    )
    assert isinstance(restored, CountVectorsFeaturizer)
    assert restored.options() == featurizer.options()


def test_options_that_rasa_retired_are_ignored_with_a_warning(caplog):
    build_featurizers([{**TOKENIZER, "case_sensitive": False}])
    assert "WhitespaceTokenizer: option 'case_sensitive' has no effect" in caplog.text


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("supervised_embeddings", "pipeline: must be a list of components; received 'supervised"),
        (["WhitespaceTokenizer"], "component 1 must be a map with a 'name'; .* write '- name: "),
        ([{"nam": "x"}], "component 1 must be a map with a 'name'"),
        ([COUNT], "CountVectorsFeaturizer needs a tokenizer before it; received none; put '- name"),
        ([{"name": "SpacyTokenizer"}, COUNT], "received SpacyTokenizer, which is not available"),
        ([TOKENIZER, TOKENIZER], "WhitespaceTokenizer is there twice"),
        (
            [TOKENIZER, {**COUNT, "max_ngrams": 2}],
            "CountVectorsFeaturizer: unknown option 'max_ngrams'; did you mean 'max_ngram'",
        ),
        ([{**TOKENIZER, "zzz": 2}], "unknown option 'zzz'; known are intent_tokenization_flag"),
        (
            [TOKENIZER, {**COUNT, "max_ngram": "2"}],
            "CountVectorsFeaturizer: option 'max_ngram' must be a whole number; received '2'",
        ),
        ([TOKENIZER, {**COUNT, "max_ngram": True}], "must be a whole number; received True"),
        ([TOKENIZER, {**COUNT, "analyzer": "words"}], "must be one of 'word', 'char', 'char_wb'"),
        ([TOKENIZER, {**COUNT, "max_df": "x"}], "must be a whole number or a number; received"),
        ([TOKENIZER, {**COUNT, "OOV_words": [1]}], "must be text or a list of text; received"),
        ([TOKENIZER, {"name": "RegexFeaturizer", "use_regexes": 1}], "must be true or false"),
    ],
)
def test_malformed_pipeline_is_refused(pipeline, message):
    with pytest.raises(InputError, match=message):
        build_featurizers(pipeline)

"""Building featurizers from a Rasa pipeline."""

from __future__ import annotations

import pytest

from data_pipeline.errors import InputError
from data_pipeline.featurizers.count_vectors import CountVectorsFeaturizer
from data_pipeline.messages.pipeline_components import build_featurizers, restore_featurizer

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


def test_a_spacy_model_that_nothing_needs_is_skipped():
    components = build_featurizers([{"name": "SpacyNLP", "model": "nowhere"}, TOKENIZER, COUNT])
    assert components.skipped == ("SpacyNLP",)


def test_rasas_full_paths_are_known_and_other_paths_are_not_shortened():
    full = "rasa.nlu.tokenizers.whitespace_tokenizer.WhitespaceTokenizer"
    assert build_featurizers([{"name": full}]).tokenizer.name == "WhitespaceTokenizer"
    mine = "my_package.CountVectorsFeaturizer"
    with pytest.raises(InputError, match=f"{mine} cannot be used: there is no module my_package"):
        build_featurizers([TOKENIZER, {"name": mine}])


@pytest.mark.parametrize(
    ("name", "language", "message"),
    [
        (
            "WhitespaceTokenizer",
            "zh",
            "WhitespaceTokenizer does not serve the language 'zh'.*use J",
        ),
        ("WhitespaceTokenizer", "ja", "use SpacyTokenizer, or correct 'language:'"),
        ("WhitespaceTokenizer", "th", "does not serve the language 'th'"),
        ("JiebaTokenizer", "en", "use WhitespaceTokenizer .JiebaTokenizer serves zh only"),
    ],
)
def test_a_tokenizer_that_does_not_serve_the_language_is_refused(name, language, message):
    with pytest.raises(InputError, match=message):
        build_featurizers([{"name": name}], language)


def test_a_tokenizer_serves_all_languages_but_those_it_refuses():
    for language in ("en", "de", "zh-Hant", None):
        assert build_featurizers([TOKENIZER], language).tokenizer is not None


@pytest.mark.parametrize(("language", "advice"), [("zh", "JiebaTokenizer"), ("th", "SpacyTok")])
def test_the_advised_tokenizer_serves_the_language(language, advice):
    with pytest.raises(InputError, match=f"put '- name: {advice}"):
        build_featurizers([COUNT], language)


def test_parts_of_speech_are_left_out_with_a_warning_where_nobody_tells_them(caplog):
    options = {"name": "LexicalSyntacticFeaturizer", "features": [["low", "pos", "pos2"]]}
    (featurizer,) = build_featurizers([TOKENIZER, options]).featurizers
    assert featurizer.options()["features"] == [["low"]]
    assert "the features 'pos' and 'pos2' need a SpacyTokenizer" in caplog.text


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
        ([{"name": "MitieTokenizer"}, COUNT], "received MitieTokenizer, which is not available"),
        ([{"name": "SpacyTokenizer"}], "SpacyTokenizer needs a spaCy model; put '- name: SpacyNLP"),
        ([{"name": "SpacyNLP"}, {"name": "SpacyTokenizer"}], "SpacyNLP: option 'model' is missing"),
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

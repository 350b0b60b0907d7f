"""LexicalSyntacticFeaturizer."""

from __future__ import annotations

import json
import pickle

import pytest

from data_pipeline.errors import InputError
from data_pipeline.featurizers.featurizer import TokenizedMessage
from data_pipeline.featurizers.lexical_syntactic import LexicalSyntacticFeaturizer
from data_pipeline.rasa_files.training_items import Message
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer


def message(text: str) -> TokenizedMessage:
    return TokenizedMessage(Message(text), WhitespaceTokenizer().tokenize(text))


def fitted(*texts: str, **options) -> LexicalSyntacticFeaturizer:
    featurizer = LexicalSyntacticFeaturizer(options)
    featurizer.fit([featurizer.observe([message(text)]) for text in texts])
    return featurizer


def active(featurizer, text):
    """Per token the (position, name, value) of its columns."""
    values = [
        (position, name, value)
        for position, name, found in featurizer.state()["values"]
        for value in found
    ]
    tokenized = message(text)
    rows = featurizer.token_rows([token.text for token in tokenized.tokens])
    places = featurizer.place_columns(tokenized)
    assert all(list(place) == sorted(place) for place in places)
    return [
        [values[column] for column in sorted({*row.indices, *place})]
        for row, place in zip(rows, places, strict=True)
    ]


def test_pairs_and_values_are_sorted_and_only_seen_values_have_columns():
    featurizer = fitted("Hi 5", features=[["low"], ["title", "BOS", "digit"], ["suffix2"]])
    assert featurizer.state()["values"] == [
        [0, "low", ["False"]],
        [1, "BOS", ["False", "True"]],
        [1, "digit", ["False", "True"]],
        [1, "title", ["False", "True"]],
        [2, "suffix2", ["5"]],
    ]
    assert featurizer.sequence_width == 8
    assert featurizer.sentence_width == featurizer.label_width == 0


def test_row_joins_own_string_place_and_neighbours():
    featurizer = fitted("Hi there 5", "OK", features=[["low"], ["upper", "EOS"], ["prefix2"]])
    assert active(featurizer, "Hi there 5") == [
        [(1, "EOS", "False"), (1, "upper", "False"), (2, "prefix2", "th")],
        [(0, "low", "False"), (1, "EOS", "False"), (1, "upper", "False"), (2, "prefix2", "5")],
        [(0, "low", "True"), (1, "EOS", "True"), (1, "upper", "False")],
    ]


def test_values_unseen_in_training_set_no_bit():
    featurizer = fitted("ab", features=[["prefix5", "low"]])
    assert active(featurizer, "xy") == [[(0, "low", "True")]]
    assert active(featurizer, "XY ab")[0] == []


def test_even_window_reaches_one_further_back():
    featurizer = fitted("a b c", features=[["prefix2"], ["prefix2"]])
    assert active(featurizer, "a b")[1] == [(0, "prefix2", "a"), (1, "prefix2", "b")]


def test_default_features_are_those_of_rasa():
    featurizer = fitted("Hello WORLD", "a 1 B")
    names = [(position, name) for position, name, _ in featurizer.state()["values"]]
    own = ["BOS", "EOS", "digit", "low", "title", "upper"]
    neighbour = ["low", "title", "upper"]
    expected = [(0, n) for n in neighbour] + [(1, n) for n in own] + [(2, n) for n in neighbour]
    assert names == expected


def test_state_survives_json_and_pickle():
    featurizer = fitted("Hello WORLD 5", "a")
    saved = json.loads(json.dumps([featurizer.options(), featurizer.state()]))
    for copy in (
        LexicalSyntacticFeaturizer.restore(*saved),
        pickle.loads(pickle.dumps(featurizer)),
    ):
        assert copy.sequence_width == featurizer.sequence_width
        assert active(copy, "Hello a") == active(featurizer, "Hello a")


@pytest.mark.parametrize(
    ("features", "message_part"),
    [
        ([["pos"]], "feature 'pos' needs spaCy's part-of-speech tags"),
        ([["pos2"]], "feature 'pos2' needs spaCy"),
        ([["titel"]], "unknown feature 'titel'; did you mean 'title'"),
        ([], "'features' names none"),
        ([[], []], "'features' names none"),
        ("low", "option 'features' must be a list of a list of text; received 'low'"),
    ],
)
def test_unusable_features_are_refused(features, message_part):
    with pytest.raises(InputError, match=message_part):
        LexicalSyntacticFeaturizer({"features": features})

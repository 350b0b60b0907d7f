"""RegexFeaturizer, and lookup tables against the pattern Rasa would compile."""

from __future__ import annotations

import json
import pickle
import random
import re

import pytest

from data_pipeline.errors import InputError
from data_pipeline.featurizers.featurizer import TokenizedMessage
from data_pipeline.featurizers.lookup_matcher import LookupMatcher
from data_pipeline.featurizers.regex_featurizer import RegexFeaturizer
from data_pipeline.rasa_files.training_items import LookupTable, Message, RegexPattern
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer

REGEXES = [RegexPattern("zip", r"\d{5}"), RegexPattern("abc", "in [A-Z]"), RegexPattern("abc", "X")]
LOOKUPS = [LookupTable("city", ("Rome", "New York"))]


def message(text: str) -> TokenizedMessage:
    return TokenizedMessage(Message(text), WhitespaceTokenizer().tokenize(text))


def featurizer(**options) -> RegexFeaturizer:
    built = RegexFeaturizer(options)
    built.learn_patterns(REGEXES, LOOKUPS)
    return built


def test_columns_are_sorted_patterns_then_lookup_tables():
    rows = featurizer().place_columns(message("in New York 12345 Romeo"))
    assert rows == [(1,), (1, 3), (3,), (2,), ()]
    assert featurizer().sequence_width == featurizer().sentence_width == 4


def test_sentence_row_is_the_or_over_tokens():
    built = featurizer()
    assert built.sentence_extra(message("in New York 12345 12345")) == {1: 1.0, 2: 1.0, 3: 1.0}
    assert not built.sentence_sums_tokens


@pytest.mark.parametrize(
    ("options", "columns"),
    [
        ({}, [(), ()]),
        ({"case_sensitive": False}, [(1,), (1, 3)]),
        ({"case_sensitive": False, "use_regexes": False}, [(), (0,)]),
        ({"case_sensitive": False, "use_lookup_tables": False}, [(1,), (1,)]),
    ],
)
def test_options_choose_patterns_and_case(options, columns):
    assert featurizer(**options).place_columns(message("in rome")) == columns


def test_without_word_boundaries_parts_of_words_match():
    assert featurizer(use_word_boundaries=False).place_columns(message("Romeo")) == [(3,)]


def test_without_patterns_there_are_no_features():
    assert RegexFeaturizer().sequence_width == RegexFeaturizer().sentence_width == 0
    assert RegexFeaturizer().token_rows(["a"]).shape == (1, 0)


def test_state_survives_json_and_pickle():
    built = featurizer(case_sensitive=False)
    saved = json.loads(json.dumps([built.options(), built.state()]))
    text = message("in new york 12345")
    for copy in (RegexFeaturizer.restore(*saved), pickle.loads(pickle.dumps(built))):
        assert copy.place_columns(text) == built.place_columns(text)


def test_invalid_pattern_is_refused_with_name_and_source():
    with pytest.raises(InputError, match=r"n.yml:3: the pattern of regex 'zip' .*; received '\('"):
        RegexFeaturizer().learn_patterns([RegexPattern("zip", "(", "n.yml:3")], [])


@pytest.mark.parametrize("case_sensitive", [True, False])
@pytest.mark.parametrize("word_boundaries", [True, False])
def test_lookup_matches_what_the_alternation_pattern_matches(case_sensitive, word_boundaries):
    choose = random.Random(0)
    parts = ["a", "b", "B", " ", "-", "ab", "é", "É", "."]
    border = r"\b" if word_boundaries else ""
    for _ in range(1500):
        elements = ["".join(choose.choices(parts, k=choose.randint(1, 4))) for _ in range(5)]
        text = "".join(choose.choices(parts, k=choose.randint(0, 12)))
        pattern = "|".join(border + re.escape(element) + border for element in elements)
        flags = 0 if case_sensitive else re.IGNORECASE
        expected = [match.span() for match in re.finditer(f"({pattern})", text, flags)]
        matcher = LookupMatcher(
            elements, case_sensitive=case_sensitive, word_boundaries=word_boundaries
        )
        assert matcher.spans(text) == expected, (elements, text)

"""The WhitespaceTokenizer; the table is that of spec 13.1."""

from __future__ import annotations

import pytest

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.training_items import Token
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello, world!", "hello world"),
        ("I'm 10'000.00 $5 -5 (hi) #tag @bob a&b", "I m 10'000.00 $5 -5 hi #tag @bob a&b"),
        ("mail a.b@c.com http://x.y/z?q=1", "mail a.b@c.com http://x.y/z?q=1"),
        ("--help -3 +4.5 £3", "help -3 +4.5 £3"),
        ("New-York 5pm/6pm c++ C# x_y", "New-York 5pm/6pm c C# x_y"),
        ("50% off!!! 20,000", "50 off 20,000"),
        ("hi😀there 😀", "hi there"),
        ("...", "..."),
        ("plain words  only\tcafé", "plain words only café"),
    ],
)
def test_words_are_those_of_rasa(text, words):
    tokens = WhitespaceTokenizer().tokenize(text)
    assert [token.text for token in tokens] == words.split()
    assert all(text[token.start : token.end] == token.text for token in tokens)


def test_text_of_separators_only_is_one_token_and_an_empty_text_none():
    assert WhitespaceTokenizer().tokenize(" :) ") == (Token(" :) ", 0, 4),)
    assert WhitespaceTokenizer().tokenize("") == ()


def test_words_of_kana_only_are_dropped_as_in_rasa():
    assert [token.text for token in WhitespaceTokenizer().tokenize("hi ひらがな")] == ["hi"]


def test_a_token_stands_where_it_was_found_behind_a_dropped_equal_one():
    (token,) = WhitespaceTokenizer().tokenize(".あ^.あ")
    assert (token.text, token.start, token.end) == (".あ", 3, 5)
    tokens = WhitespaceTokenizer().tokenize(".あ^.^b")
    assert [(token.text, token.start) for token in tokens] == [(".", 3), ("b", 5)]


def test_a_piece_stands_where_its_pattern_matched():
    (token,) = WhitespaceTokenizer(token_pattern=r"a\b").tokenize("aba")
    assert (token.text, token.start, token.end) == ("a", 2, 3)


def test_token_pattern_cuts_tokens_further():
    tokens = WhitespaceTokenizer(token_pattern=r"(?u)\b\w+\b").tokenize("a New-York ?")
    assert tokens == (Token("a", 0, 1), Token("New", 2, 5), Token("York", 6, 10))


def test_token_without_piece_stays():
    tokens = WhitespaceTokenizer(token_pattern=r"\d+").tokenize("room x12y")
    assert tokens == (Token("room", 0, 4), Token("12", 6, 8))


@pytest.mark.parametrize(
    ("options", "name", "tokens"),
    [
        ({}, "ask_weather", ("ask_weather",)),
        ({"intent_tokenization_flag": True}, "ask_weather", ("ask", "weather")),
        ({"intent_tokenization_flag": True, "intent_split_symbol": "+"}, "a_b+c", ("a_b", "c")),
        ({"prefix_separator_symbol": "."}, "pre.a.b", ("pre", "a.b")),
        (
            {"prefix_separator_symbol": ".", "intent_tokenization_flag": True},
            "p_q.a_b",
            ("p", "q", "a", "b"),
        ),
        ({}, "", ()),
    ],
)
def test_intent_names_are_split_as_configured(options, name, tokens):
    tokenizer = WhitespaceTokenizer(**options)
    assert tokenizer.label_tokens(name) == tokens
    assert WhitespaceTokenizer(**tokenizer.options()).label_tokens(name) == tokens


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"token_pattern": "("}, "token_pattern is not a regular expression .*; received '\\('"),
        ({"token_pattern": "(a)(b)"}, "token_pattern must have at most one group; .* write groups"),
        ({"intent_split_symbol": ""}, "intent_split_symbol must not be empty"),
    ],
)
def test_unusable_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        WhitespaceTokenizer(**options)

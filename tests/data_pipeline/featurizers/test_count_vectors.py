"""CountVectorsFeaturizer against scikit-learn's CountVectorizer and spec 13.5."""

from __future__ import annotations

import json
import pickle
import random

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from data_pipeline.errors import InputError
from data_pipeline.featurizers.count_vectors import CountVectorsFeaturizer
from data_pipeline.featurizers.featurizer import TokenizedMessage
from data_pipeline.rasa_files.training_items import Message
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer

TEXTS = [
    "Send 3 red roses to New-York!",
    "send it to new york today",
    "is it 10:30 in New-York",
    "roses are red, isn't it?",
    "",
    "Red red RED ab12 café",
]
INTENTS = ["order", "order", "ask-time", "chat", "chat", None]
TOKENIZER = WhitespaceTokenizer()


def tokenized(texts=TEXTS, intents=INTENTS):
    return [
        TokenizedMessage(Message(text, intent), TOKENIZER.tokenize(text))
        for text, intent in zip(texts, intents, strict=True)
    ]


def fitted(messages=None, **options):
    messages = tokenized() if messages is None else messages
    featurizer = CountVectorsFeaturizer(options, TOKENIZER.label_tokens)
    featurizer.fit([featurizer.observe(messages[:2]), featurizer.observe(messages[2:])])
    return featurizer


def sentence_row(featurizer, message):
    row = featurizer.token_rows([token.text for token in message.tokens]).sum(axis=0)
    row = np.asarray(row, np.float32).reshape(-1)
    for column, value in featurizer.sentence_extra(message).items():
        row[column] += value
    return row


def terms(featurizer):
    return featurizer.state()["vocabulary"]


def masked(message):
    words = {"3": "__number__", "10:30": "__number__:__number__"}
    return " ".join(words.get(token.text, token.text).lower() for token in message.tokens)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"max_ngram": 3},
        {"min_ngram": 2, "max_ngram": 2},
        {"analyzer": "char", "max_ngram": 4},
        {"analyzer": "char_wb", "max_ngram": 4},
        {"min_df": 2},
        {"min_df": 0.2, "max_df": 0.4, "max_ngram": 2},
        {"analyzer": "char_wb", "max_ngram": 3, "min_df": 2, "max_df": 4},
        {"max_features": 5},
        {"analyzer": "char", "max_ngram": 2, "max_features": 3},
        {"stop_words": ["it", "to"], "max_ngram": 2},
        {"strip_accents": "unicode"},
    ],
)
def test_rows_equal_vectorizing_with_scikit_learn(options):
    messages = tokenized()
    featurizer = fitted(messages, **options)
    reference = dict(options)
    ngrams = (reference.pop("min_ngram", 1), reference.pop("max_ngram", 1))
    reference.setdefault("token_pattern", r"(?u)\b\w+\b" if "analyzer" not in options else None)
    sklearn = CountVectorizer(ngram_range=ngrams, **reference)
    sklearn.fit([masked(message) for message in messages])
    assert terms(featurizer) == sklearn.get_feature_names_out().tolist()
    assert featurizer.sequence_width == featurizer.sentence_width == len(terms(featurizer))
    for message in messages:
        expected = sklearn.transform([masked(message)]).toarray()[0]
        np.testing.assert_array_equal(sentence_row(featurizer, message), expected)
    tokens = ["roses", "New-York", "unknown!", "it"]
    expected = sklearn.transform([token.lower() for token in tokens]).toarray()
    np.testing.assert_array_equal(featurizer.token_rows(tokens).toarray(), expected)


@pytest.mark.parametrize("options", [{}, {"min_df": 2}, {"analyzer": "char", "max_features": 7}])
def test_chunking_and_order_of_the_statistics_make_no_difference(options):
    messages = tokenized()
    expected = fitted(messages, **options).state()
    featurizer = CountVectorsFeaturizer(options, TOKENIZER.label_tokens)
    chunks = [pickle.loads(pickle.dumps(featurizer.observe([m]))) for m in messages]
    random.Random(0).shuffle(chunks)
    featurizer.fit(chunks)
    assert featurizer.state() == expected


@pytest.mark.parametrize(
    ("text", "grams"),
    [
        ("ab", [" ", "a", "b", " ", " a", "ab", "b ", " ab", "ab ", " ab "]),
        ("a", [" ", "a", " ", " a", "a ", " a "]),
    ],
)
def test_char_wb_pads_words_and_stops_at_the_padded_length(text, grams):
    featurizer = fitted(tokenized([text], ["x"]), analyzer="char_wb", max_ngram=4)
    assert terms(featurizer) == sorted(set(grams))
    assert featurizer.token_rows([text]).sum() == len(grams)


def test_word_pattern_and_number_mask_are_those_of_the_spec():
    featurizer = fitted(tokenized(["utter_greet faq/ask-me C++ 7 2.5 ab12"], ["x"]))
    assert terms(featurizer) == ["__number__", "ab12", "ask", "c", "faq", "me", "utter_greet"]
    assert featurizer.token_rows(["2.5"]).toarray()[0].tolist() == [2, 0, 0, 0, 0, 0, 0]


def test_intent_names_have_a_vocabulary_of_their_own_and_numbers_unmasked():
    messages = tokenized(["a b", "c"], ["ask-Time", "room_7 8"])
    featurizer = fitted(messages)
    assert featurizer.state()["labels"] == ["8", "ask", "room_7", "time"]
    rows = featurizer.label_rows(["ask-Time", "8"]).toarray()
    assert rows.tolist() == [[0, 1, 0, 1], [1, 0, 0, 0]]
    assert fitted(messages, analyzer="char_wb").label_width == 0


def test_of_equally_frequent_terms_the_alphabetically_first_are_kept():
    words = [f"w{number:02}" for number in range(40)]
    featurizer = fitted(tokenized([" ".join(reversed(words))], ["x"]), max_features=30)
    assert terms(featurizer) == words[:30]


def test_min_df_does_not_apply_to_intent_names():
    assert fitted(min_df=2).state()["labels"] == ["ask", "chat", "order", "time"]


def test_shared_vocabulary_holds_words_of_texts_and_names():
    featurizer = fitted(use_shared_vocab=True)
    assert {"order", "roses"} <= set(terms(featurizer))
    assert featurizer.label_width == featurizer.sequence_width
    assert featurizer.label_rows(["order"]).sum() == 1


def test_unknown_words_count_as_oov_once_the_token_is_known():
    messages = tokenized(["what oov is new-york"], ["x"])
    featurizer = fitted(messages, OOV_token="OOV")
    oov = terms(featurizer).index("oov")
    rows = featurizer.token_rows(["never", "what", "new-york"]).toarray()
    assert rows[:, oov].tolist() == [1, 0, 1]


def test_listed_words_count_as_oov_in_training():
    featurizer = fitted(tokenized(["what is this"], ["x"]), OOV_token="oov", OOV_words="What")
    assert terms(featurizer) == ["is", "oov", "this"]


def test_oov_token_that_never_occurs_is_logged(caplog):
    featurizer = fitted(OOV_token="oov")
    assert "OOV_token 'oov' occurs in no training text" in caplog.text
    assert featurizer.token_rows(["never"]).nnz == 0


def test_state_and_options_survive_json_and_pickle():
    featurizer = fitted(max_ngram=2)
    saved = json.loads(json.dumps([featurizer.options(), featurizer.state()]))
    restored = CountVectorsFeaturizer.restore(*saved)
    message = tokenized()[0]
    for copy in (restored, pickle.loads(pickle.dumps(featurizer))):
        assert copy.state() == featurizer.state()
        np.testing.assert_array_equal(
            sentence_row(copy, message), sentence_row(featurizer, message)
        )


def test_no_words_at_all_give_no_features():
    featurizer = fitted(tokenized(["?!"], ["??"]))
    assert (featurizer.sequence_width, featurizer.label_width) == (0, 0)
    assert featurizer.token_rows(["a"]).shape == (1, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_ngram": 3}, "1 <= min_ngram <= max_ngram; received \\(3, 1\\)"),
        ({"max_df": 1.5}, "max_df must be a count or a fraction between 0.0 and 1.0; received 1.5"),
        ({"max_features": 0}, "max_features must be at least 1 or null; received 0"),
        ({"stop_words": "german"}, "stop_words must be 'english', a list or null"),
        ({"min_df": 50}, "no term is left between min_df 50 and max_df 1.0 in 6 documents"),
    ],
)
def test_unusable_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        fitted(**options)

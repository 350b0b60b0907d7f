"""Entities decoded in the graph are those of `decode_entities` and `SynonymMapper.replace`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from text_graph.fuzzed_texts import fuzzed_texts, many_at_once, thoroughly

from data_pipeline.entities.decoding import SynonymMapper, decode_entities
from data_pipeline.entities.tags import TagVocabulary
from data_pipeline.text_graph.entities.bilou import rounded
from data_pipeline.text_graph.entities.decoding import DecodeEntities
from data_pipeline.text_graph.strings.characters import Kinds
from data_pipeline.text_graph.strings.lines import Lines
from data_pipeline.text_graph.strings.rewriting import LowerCase
from data_pipeline.text_graph.tokens import Tokenize
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer

KINDS = Kinds()
LOWER = LowerCase(KINDS)
TOKENIZER = WhitespaceTokenizer()
NAMES = {"entity": ("B-boat", "city", "day"), "role": ("from", "to"), "group": ("1", "2", "3")}
SYNONYMS = {"rome": "Roma", "new york": "NY", "οδος": "street", "a b": "", "x, y": "x und y"}
WORDS = ("Rome", "new York", "a, b", "a b", "x,  y", "x, y, z", "ΟΔΟΣ", "a,,b", "one two three")

VOCABULARIES = {
    "BILOU": TagVocabulary(NAMES),
    "plain": TagVocabulary(NAMES, bilou=False),
    "one head": TagVocabulary({"entity": NAMES["entity"]}),
    "no groups": TagVocabulary({"entity": ("city",), "role": NAMES["role"]}),
}
SPLITS = {"all": True, "none": False, "by type": {"city": False, "B-boat": True}}


class Decoders:
    """The graph's and Python's answer."""

    def __init__(self, vocabulary: TagVocabulary, split_by_comma) -> None:
        self.vocabulary, self.split_by_comma = vocabulary, split_by_comma
        self._tokenize = Tokenize(TOKENIZER, KINDS)
        self._decode = DecodeEntities(
            vocabulary, LOWER, split_by_comma=split_by_comma, synonyms=SYNONYMS
        )
        self._function = tf.function(self._answer, autograph=False, reduce_retracing=True)

    def _answer(self, texts, tags, confidences):
        return self._decode(self._tokenize(Lines.decoded(texts)), tags, confidences)

    def in_graph(self, texts, tags, confidences) -> list[list[dict]]:
        flat = [
            {head: np.concatenate([rows[head] for rows in given]) for head in self.vocabulary.heads}
            for given in (tags, confidences)
        ]
        texts = tf.constant([text.encode() for text in texts])
        answer = {key: value.numpy() for key, value in self._function(texts, *flat).items()}
        counts = answer.pop("entity_counts")
        assert answer["entity_starts"].shape == (len(counts), max(counts))
        return [[_entity(answer, row, i) for i in range(n)] for row, n in enumerate(counts)]

    def in_python(self, texts, tags, confidences) -> list[list[dict]]:
        answers = []
        for text, ids, sure in zip(texts, tags, confidences, strict=True):
            entities = decode_entities(
                text,
                TOKENIZER.tokenize(text),
                ids,
                sure,
                self.vocabulary,
                extractor="DIETClassifier",
                split_by_comma=self.split_by_comma,
            )
            answers.append(SynonymMapper(SYNONYMS).replace(entities))
        return answers


def _entity(answer, row: int, index: int) -> dict:
    values = {key: value[row, index] for key, value in answer.items()}
    entity = {
        "entity": values["entity_types"].decode(),
        "start": int(values["entity_starts"]),
        "end": int(values["entity_ends"]),
        "value": values["entity_values"].decode(),
        "confidence_entity": values["entity_confidences"],
        "extractor": "DIETClassifier",
    }
    for head in ("role", "group"):
        if name := values[f"entity_{head}s"].decode():
            entity[head] = name
            entity[f"confidence_{head}"] = values[f"entity_{head}_confidences"]
    if values["entity_is_synonym"]:
        entity["processors"] = ["EntitySynonymMapper"]
    return entity


@pytest.fixture(scope="module", params=[(v, s) for v in VOCABULARIES for s in SPLITS])
def decoders(request) -> Decoders:
    return Decoders(VOCABULARIES[request.param[0]], SPLITS[request.param[1]])


@many_at_once
@given(fuzzed_texts(WORDS), st.data())
def test_any_tags_give_the_same_entities(decoders, texts, data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)
    # Few tags, so that spans get long; coarse confidences, so that scores are equal.
    tags, confidences = [], []
    for text in texts:
        tokens = len(TOKENIZER.tokenize(text))
        few = generator.integers(1, 9)
        tags.append(
            {
                head: generator.integers(0, min(few, count), tokens, np.int32)
                for head, count in decoders.vocabulary.num_tags.items()
            }
        )
        sure = generator.random(tokens) if seed % 2 else generator.integers(1, 9, tokens) / 8
        confidences.append({head: np.float32(sure) for head in decoders.vocabulary.heads})
    found = decoders.in_graph(texts, tags, confidences)
    expected = decoders.in_python(texts, tags, confidences)
    for text, got, wanted in zip(texts, found, expected, strict=True):
        # Rounded confidences are float64 in Python and float32 in the answer.
        wanted = [
            {k: np.float32(v) if k.startswith("confidence") else v for k, v in entity.items()}
            for entity in wanted
        ]
        assert got == wanted, text


def test_texts_without_tokens_or_entities():
    decoders = Decoders(VOCABULARIES["BILOU"], True)
    nothing = {head: np.zeros(0, np.int32) for head in NAMES}
    assert decoders.in_graph(["", ""], [nothing] * 2, [nothing] * 2) == [[], []]


def test_entities_over_several_tokens_with_a_synonym():
    decoders = Decoders(VOCABULARIES["BILOU"], True)
    city = 1 + 4 * 1  # B-city
    tags = {"entity": [0, city, city + 2], "role": [0, 5, 7], "group": [0, 0, 0]}
    tags = {head: np.array(ids, np.int32) for head, ids in tags.items()}
    sure = {head: np.array([1, 0.5, 0.25], np.float32) for head in tags}
    (entity,) = decoders.in_graph(["to New York"], [tags], [sure])[0]
    assert (entity["value"], entity["start"], entity["end"]) == ("NY", 3, 11)
    assert (entity["role"], entity["confidence_role"]) == ("to", 0.25)
    assert entity["processors"] == ["EntitySynonymMapper"]


@thoroughly
@given(arrays.arrays(np.float64, 100, elements=st.floats(0, 1)))
def test_rounding_is_python_s(numbers):
    halves = np.arange(0, 1, 0.005)
    numbers = np.concatenate([numbers, halves, np.nextafter(halves, 2), np.nextafter(halves, -1)])
    expected = [round(float(number), 2) for number in numbers]
    np.testing.assert_array_equal(rounded(tf.constant(numbers)), expected)

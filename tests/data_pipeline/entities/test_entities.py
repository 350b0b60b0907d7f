"""Tags back to entities (spec 13.3) and synonyms."""

from __future__ import annotations

import re

import pytest

from data_pipeline.entities.decoding import SynonymMapper, decode_entities, tags_to_entities
from data_pipeline.entities.tags import TagVocabulary
from data_pipeline.rasa_files.training_items import Entity, Message, Token


def tokens_of(text):
    return tuple(Token(word[0], *word.span()) for word in re.finditer(r"\w+", text))


def entities(text, tags, split=True, confidences=None, **heads):
    all_tags = {"entity": tags.split(), **{head: value.split() for head, value in heads.items()}}
    return tags_to_entities(text, tokens_of(text), all_tags, confidences, split_by_comma=split)


def values(text, tags, split=True, **heads):
    return [entity["value"] for entity in entities(text, tags, split, **heads)]


@pytest.mark.shows("split_entities_by_comma")
@pytest.mark.parametrize(
    ("text", "tags", "split", "expected"),
    [
        ("a, b", "B-x L-x", True, ["a", "b"]),
        ("a, b", "B-x L-x", False, ["a, b"]),
        ("a&&b", "B-x L-x", False, ["a&&b"]),
        ("a&&b", "B-x L-x", True, ["a", "b"]),
        ("a && b", "B-x L-x", False, ["a", "b"]),
        ("a b c", "U-x U-x I-x", True, ["a", "b c"]),
        ("a b", "x x", True, ["a b"]),
        ("a, b", "x x", {"x": False}, ["a, b"]),
        ("a, b", "x x", {"y": False}, ["a", "b"]),
        ("a b c", "I-x L-x O", True, ["a b"]),
        ("a b", "x y", True, ["a", "b"]),
        ("a b c", "x O x", True, ["a", "c"]),
    ],
)
def test_tagged_tokens_are_joined_as_in_rasa(text, tags, split, expected):
    assert values(text, tags, split) == expected


def test_joining_keeps_the_lowest_confidence():
    confidences = {"entity": [0.9, 0.8, 0.7]}
    found = entities("a b c", "U-x U-x I-x", confidences=confidences)
    assert [entity["confidence_entity"] for entity in found] == [0.9, 0.7]


def test_role_or_group_change_begins_an_entity_and_outside_ones_are_left_out():
    assert values("a b", "x x", role="r s") == ["a", "b"]
    (entity,) = entities("a b", "O x", role="r O", group="O g")
    assert entity == {"entity": "x", "start": 2, "end": 3, "group": "g", "value": "b"}


def test_decoded_entity_has_the_shape_of_rasas_answers():
    vocabulary = TagVocabulary({"entity": ("city",), "role": ("to",), "group": ("g",)})
    found = decode_entities(
        "to New York",
        tokens_of("to New York"),
        {"entity": [0, 1, 2], "role": [0, 1, 3], "group": [0, 0, 0]},
        {"entity": [1, 0.75, 0.5], "role": [1, 0.5, 0.25], "group": [1, 1, 1]},
        vocabulary,
        extractor="DIETClassifier",
    )
    assert found == [
        {
            "entity": "city",
            "start": 3,
            "end": 11,
            "confidence_entity": 0.5,
            "role": "to",
            "confidence_role": 0.25,
            "value": "New York",
            "extractor": "DIETClassifier",
        }
    ]
    order = "entity start end confidence_entity role confidence_role value extractor"
    assert list(found[0]) == order.split()


def test_only_outside_tags_give_no_entities():
    vocabulary = TagVocabulary({"entity": ("city",)}, bilou=False)
    ids, sure = {"entity": [0]}, {"entity": [1]}
    assert decode_entities("a", tokens_of("a"), ids, sure, vocabulary, extractor="any") == []


def test_synonyms_are_replaced_whatever_their_case():
    messages = [Message("to nyc", "x", (Entity(3, 6, "city", "New York"),))]
    mapper = SynonymMapper.fit({"Bill": "William"}, [SynonymMapper.observe(messages)])
    given = [
        {"value": "NYC", "processors": ["Other"]},
        {"value": "NEW YORK"},
        {"value": "bill"},
        {"value": "Oslo"},
    ]
    assert mapper.replace(given) == [
        {"value": "New York", "processors": ["Other", "EntitySynonymMapper"]},
        {"value": "New York", "processors": ["EntitySynonymMapper"]},
        {"value": "William", "processors": ["EntitySynonymMapper"]},
        {"value": "Oslo"},
    ]
    assert "processors" not in given[1]
    assert SynonymMapper(mapper.synonyms).replace([{"value": "nyc"}])[0]["value"] == "New York"


def test_later_synonym_wins_and_beats_the_canonical_value_itself():
    mapper = SynonymMapper.fit({"a": "B", "b": "C", "A": "D"})
    assert mapper.synonyms == {"a": "D", "b": "C", "c": "C", "d": "D"}

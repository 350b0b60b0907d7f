"""Entity tags: the BILOU scheme (spec 13.2), vocabularies and encoding."""

from __future__ import annotations

import json

import pytest

from data_pipeline.entities.bilou import make_bilou_consistent
from data_pipeline.entities.tags import TagVocabulary, fit_tags, misaligned, observe_tags
from data_pipeline.featurizers.featurizer import TokenizedMessage
from data_pipeline.rasa_files.training_items import Entity, Message
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer

TEXT = "fly from New York to Rome"
ENTITIES = (
    Entity(9, 17, "city", "New York", role="from"),
    Entity(21, 25, "city", "Rome", role="to", group="1"),
)


def tokenized(text=TEXT, entities=ENTITIES):
    return TokenizedMessage(
        Message(text, "x", tuple(entities)), WhitespaceTokenizer().tokenize(text)
    )


def fitted(messages, bilou=True):
    return fit_tags([observe_tags([message], bilou) for message in messages], bilou)


@pytest.mark.parametrize(
    ("tags", "confidences", "expected", "expected_confidences"),
    [
        ("B-a I-b L-a", [0.9, 0.8, 0.7], "B-a I-a L-a", [0.9, 0.73, 0.7]),
        ("B-a I-a O", [0.9, 0.8, 0.7], "B-a L-a O", [0.9, 0.8, 0.7]),
        ("B-a O", [0.9, 0.8], "U-a O", [0.9, 0.8]),
        ("I-a L-a", [0.9, 0.8], "I-a L-a", [0.9, 0.8]),
        ("B-a B-b L-b", [0.9, 0.8, 0.7], "U-a B-b L-b", [0.9, 0.8, 0.7]),
        ("B-a L-b", [0.3, 0.9], "B-b L-b", [0.64, 0.9]),
        ("B-a", [0.5], "U-a", [0.5]),
    ],
)
def test_tags_are_made_consistent_as_in_rasa(tags, confidences, expected, expected_confidences):
    given = tags.split()
    assert make_bilou_consistent(given, confidences) == (expected.split(), expected_confidences)
    assert given == tags.split()


@pytest.mark.shows("diet.BILOU_flag")
def test_bilou_ids_count_four_per_sorted_name():
    vocabulary = fitted([tokenized()])
    assert vocabulary.heads == ("entity", "role", "group")
    assert vocabulary.tags["entity"] == ("O", "B-city", "I-city", "L-city", "U-city")
    assert vocabulary.num_tags == {"entity": 5, "role": 9, "group": 5}
    assert vocabulary.encode(tokenized()) == {
        "entity": [0, 0, 1, 3, 0, 4],
        "role": [0, 0, 1, 3, 0, 8],
        "group": [0, 0, 0, 0, 0, 4],
    }


@pytest.mark.shows("diet.BILOU_flag")
def test_plain_ids_count_sorted_names_from_one():
    vocabulary = fitted([tokenized()], bilou=False)
    assert vocabulary.tags["role"] == ("O", "from", "to")
    assert vocabulary.encode(tokenized())["role"] == [0, 0, 1, 1, 0, 2]


def test_heads_without_tags_do_not_exist():
    assert fitted([tokenized(entities=[Entity(0, 3, "verb", "fly")])]).heads == ("entity",)
    assert fitted([tokenized(entities=[])]).heads == ()


def test_tags_outside_the_vocabulary_are_zero():
    vocabulary = TagVocabulary({"entity": ("date",)})
    assert vocabulary.encode(tokenized()) == {"entity": [0] * 6}


def test_misaligned_entity_is_lost_with_bilou_and_widened_with_plain_tags():
    message = tokenized("see Romeo", [Entity(4, 8, "city", "Rome")])
    assert misaligned(message) == [Entity(4, 8, "city", "Rome")]
    assert fitted([message]).heads == ()
    assert fitted([message], bilou=False).encode(message) == {"entity": [0, 1]}


def test_overlapping_entities_later_wins_with_bilou_larger_overlap_with_plain_tags():
    message = tokenized("New York", [Entity(0, 8, "long", "x"), Entity(4, 8, "short", "y")])
    assert fitted([message]).tags["entity"][5:] == ("B-short", "I-short", "L-short", "U-short")
    assert fitted([message]).encode(message) == {"entity": [1, 8]}
    assert fitted([message], bilou=False).encode(message) == {"entity": [1, 1]}


@pytest.mark.parametrize("bilou", [True, False])
def test_state_survives_json_with_sorted_keys(bilou):
    vocabulary = fitted([tokenized()], bilou)
    restored = TagVocabulary.restore(json.loads(json.dumps(vocabulary.state(), sort_keys=True)))
    assert restored == vocabulary
    assert restored.heads == vocabulary.heads

"""The entity annotation grammar."""

from __future__ import annotations

import pytest

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.annotations import parse_example
from data_pipeline.rasa_files.training_items import Entity, Synonym

SOURCE = "nlu.yml:7"


@pytest.mark.parametrize(
    ("example", "plain", "entities"),
    [
        ("no annotation [here]", "no annotation [here]", []),
        ("to [Rome](city)", "to Rome", [Entity(3, 7, "city", "Rome")]),
        ("to [NYC](city:New York) now", "to NYC now", [Entity(3, 6, "city", "New York")]),
        (
            'from [Rome]{"entity": "city", "role": "from", "group": "1", "value": "ROM"}!',
            "from Rome!",
            [Entity(5, 9, "city", "ROM", "from", "1")],
        ),
        (
            '[a b][{"entity": "x"}, {"entity": "y", "role": "r"}]',
            "a b",
            [Entity(0, 3, "x", "a b"), Entity(0, 3, "y", "a b", "r")],
        ),
        ("[a](x)[b](y)", "ab", [Entity(0, 1, "x", "a"), Entity(1, 2, "y", "b")]),
        ("[[a](x)", "[a", [Entity(0, 2, "x", "[a")]),
        ("[a](:v) [b](t:)", "[a](:v) [b](t:)", []),
        ("[a][]", "a", []),
        ('[5]{"entity": "n", "value": 5}', "5", [Entity(0, 1, "n", "5")]),
        ('[a]{"entity": "x", "role": ""}', "a", [Entity(0, 1, "x", "a")]),
        ("[ß😀](x) [é](y)", "ß😀 é", [Entity(0, 2, "x", "ß😀"), Entity(3, 4, "y", "é")]),
    ],
)
def test_annotations_become_plain_text_and_entities(example, plain, entities):
    text, found, _ = parse_example(example, SOURCE)
    assert text == plain
    assert list(found) == entities


def test_value_that_differs_from_the_text_is_a_synonym():
    assert parse_example("[NYC](city:New York) [Rome](city:Rome)", SOURCE)[2] == [
        Synonym("NYC", "New York")
    ]


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ('[a]{"entity": x}', 'nlu.yml:7: the entity annotation of .a. is not valid JSON .*{"entit'),
        ('[a]{"role": "x"}', 'nlu.yml:7: .* has no "entity"; received {"role": "x"}; write it as'),
        ('[a][{"entity": "x"}, {"value": "x"}]', 'nlu.yml:7: .* has no "entity"'),
        ('[a]{"entity": 1}', 'nlu.yml:7: "entity" .* must be a string; received 1; put it in'),
        ('[a]{"entity": "x", "value": true}', '"value" .* must be a string or a number; .* true'),
    ],
)
def test_broken_annotation_names_place_and_remedy(example, message):
    with pytest.raises(InputError, match=message):
        parse_example(example, SOURCE)

"""Domains: merging, the form of Rasa 2, and what is wrong with a bad one."""

import logging

import pytest

from data_pipeline.dialogue.domain.domain_files import read_domain
from data_pipeline.dialogue.domain.domain_json import domain_from_json, domain_to_json
from data_pipeline.dialogue.domain.events import SlotSet, StoryEntity
from data_pipeline.errors import InputError


def test_of_two_files_the_first_is_right_and_the_others_names_come_first(written):
    first = written(
        "a.yml",
        'version: "3.1"\nintents: [x]\nactions: [one, two]\nentities: [e]\n'
        "slots: {s: {type: text, mappings: []}}\nforms: {f: {required_slots: []}}\n",
    )
    second = written(
        "b.yml",
        'version: "3.1"\nintents: [y]\nactions: [three, one, f]\n'
        "slots: {t: {type: bool, mappings: []}, s: {type: bool, mappings: []}}\n"
        "responses: {utter_b: [], utter_a: []}\n",
    )
    domain = read_domain([first, second])
    assert domain.action_names[13:] == ("three", "one", "two", "utter_a", "utter_b", "f")
    assert {"x", "y"} < set(domain.intents)
    assert domain.slots["s"].type == "text"
    assert list(domain.slots)[:2] == ["t", "s"]


def test_a_folder_is_one_domain_whatever_else_lies_in_it(written):
    folder = written("domain/a.yml", 'version: "3.1"\nintents: [x]\n').parent
    written("domain/deep/b.yml", 'version: "3.1"\nactions: [act]\n')
    written("domain/nlu.yml", 'version: "3.1"\nnlu: []\n')
    domain = read_domain([folder])
    assert "x" in domain.intents and domain.action_names[-1] == "act"


def test_a_domain_of_rasa_2_is_taken_and_what_was_assumed_is_said(written, caplog):
    path = written(
        "domain.yml",
        'version: "2.0"\nintents: [x]\nentities: [city, day]\nforms: [f]\nslots:\n'
        "  city: {type: text}\n  day: {type: text, auto_fill: false}\n"
        "  old: {type: unfeaturized}\n",
    )
    with caplog.at_level(logging.INFO):
        domain = read_domain([path])
    assert domain.forms == ("f",) and domain.slots["old"].type == "any"
    entities = [StoryEntity("city", "Rome"), StoryEntity("day", "now")]
    assert domain.slot_events(entities) == [SlotSet("city", "Rome")]
    assert "assumed to be filled from the entities of their names: city." in caplog.text


def test_a_domain_survives_json(domain_file):
    domain = read_domain([domain_file])
    again = domain_from_json(domain_to_json(domain))
    assert again == domain and again.actions == domain.actions


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("intents: [a]\nslots:\n  s: {type: tekst, mappings: []}\n", 3, "'tekst'"),
        ("slots:\n  s: {mappings: []}\n", 2, "no 'type'"),
        ("slots:\n  s: {type: text}\n", 2, "no 'mappings'"),
        ("slots:\n  s: {type: any, influence_conversation: true, mappings: []}\n", 2, "'any'"),
        ("slots:\n  s: {type: float, min_value: 2, mappings: []}\n", 2, "less than"),
        ("slots:\n  s: {type: float, max_value: a, mappings: []}\n", 2, "must be a number"),
        ("slots:\n  s: {type: text, mappings: [{type: from_where}]}\n", 2, "'from_where'"),
        ("slots:\n  s: {type: text, mappings: [{type: from_entity}]}\n", 2, "no 'entity'"),
        ("intents:\n- a\n- b\n- a\n", 4, "twice"),
        ("intents:\n- a:\n", 2, "no settings"),
        ("intents: {a: {}}\n", 1, "must be a list"),
        ("entities:\n- a: {influence_conversation: maybe}\n", 2, "true or false"),
    ],
)
def test_a_bad_domain_is_refused_with_file_and_line(written, text, line, words):
    path = written("domain.yml", text + 'version: "3.1"\n')
    with pytest.raises(InputError) as error:
        read_domain([path])
    assert words in str(error.value)
    assert str(error.value).startswith(f"{path}:{line}:")
    assert "\n" not in str(error.value)


def test_a_missing_domain_and_a_folder_without_one_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_domain([tmp_path / "nothing.yml"])
    with pytest.raises(InputError, match="no domain file here"):
        read_domain([tmp_path])

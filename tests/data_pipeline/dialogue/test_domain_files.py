"""Domains: merging, the form of Rasa 2, and what is wrong with a bad one."""

import logging

import pytest

from data_pipeline.dialogue.domain.domain import DEFAULT_ACTIONS, DEFAULT_INTENTS
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


@pytest.mark.parametrize(
    ("written_type", "slot_type"),
    [
        ("rasa.shared.core.slots.AnySlot", "any"),
        ("rasa.shared.core.slots.BooleanSlot", "bool"),
        ("rasa.shared.core.slots.ListSlot", "list"),
        ("rasa.core.slots.TextSlot", "text"),
        ("rasa.core.slots.UnfeaturizedSlot", "any"),
    ],
)
def test_a_slot_type_may_be_one_of_rasas_classes(written, written_type, slot_type):
    path = written("domain.yml", f"slots:\n  s: {{type: {written_type}, mappings: []}}\n")
    assert read_domain([path]).slots["s"].type == slot_type


def test_retrieval_intents_are_intents_and_have_actions_in_rasas_order(written, tmp_path):
    """Compared with what the importers of Rasa 3.6.21 make of these files."""
    path = written(
        "domain.yml",
        'version: "3.1"\nintents:\n- zeta\n- faq: {use_entities: [city]}\n- greet\n'
        "entities: [city, name]\nactions: [action_x, action_a, utter_smalltalk]\n"
        "responses: {utter_greet: [], utter_bye: [], utter_faq/ask_name: []}\n"
        "forms: {my_form: {required_slots: []}}\n",
    )
    written(
        "data/nlu.yml",
        'version: "3.1"\nnlu:\n- intent: faq/ask_name\n  examples: |\n    - who are you\n'
        "- intent: smalltalk/weather\n  examples: |\n    - weather\n"
        "- intent: other\n  examples: |\n    - this\n"
        "responses:\n  utter_smalltalk/weather: [{text: sun}]\n  utter_aaa: [{text: a}]\n",
    )
    domain = read_domain([path], [tmp_path / "data"])
    added = [
        *("action_x", "action_a", "utter_smalltalk", "utter_faq", "utter_aaa", "utter_bye"),
        *("utter_faq/ask_name", "utter_greet", "utter_smalltalk/weather", "my_form"),
    ]
    assert list(domain.action_names[len(DEFAULT_ACTIONS) :]) == added
    assert set(domain.intents) - set(DEFAULT_INTENTS) == {"faq", "greet", "smalltalk", "zeta"}
    assert domain.used_entities["faq"] == {"city", "name"}


def test_a_file_in_a_domain_folder_that_is_no_yaml_is_left_out_with_a_warning(written, caplog):
    folder = written("domain/a.yml", 'version: "3.1"\nintents: [x]\n').parent
    broken = written("domain/b.yml", "intents: [y\n")
    assert "y" not in read_domain([folder]).intents
    assert f"{broken}:" in caplog.text and "no part of the domain" in caplog.text


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

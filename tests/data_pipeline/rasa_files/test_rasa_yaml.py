"""Reading NLU YAML."""

from __future__ import annotations

import re

import pytest

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.nlu_yaml import iter_nlu_yaml
from data_pipeline.rasa_files.training_items import (
    Entity,
    LookupTable,
    Message,
    RegexPattern,
    Synonym,
)


@pytest.fixture
def read(tmp_path):
    def read_text(text: str | bytes) -> list:
        path = tmp_path / "nlu.yml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return list(iter_nlu_yaml(path))

    return read_text


def nlu(body: str) -> str:
    return 'version: "3.1"\nnlu:\n' + body


def test_every_section_is_read_with_line_numbers(read, tmp_path):
    items = read(
        """version: "3.1"
stories:
- story: ignored
nlu:
- intent: greet
  examples: |
    - hi

    - hello [Bob](name)
- synonym: Robert
  examples: |
    - Bob
- regex: zip
  examples: |
    - \\d{5}
    - [0-9]-x
- lookup: city
  examples: |
    - Rome
- lookup: city
  examples: |
    - Oslo
responses:
  utter_x:
  - text: ignored
"""
    )
    assert items == [
        Message("hi", "greet"),
        Message("hello Bob", "greet", (Entity(6, 9, "name", "Bob"),)),
        Synonym("Bob", "Robert"),
        RegexPattern("zip", "\\d{5}"),
        RegexPattern("zip", "[0-9]-x"),
        LookupTable("city", ("Rome", "Oslo")),
    ]
    lines = [item.source.rpartition(":")[2] for item in items if hasattr(item, "source")]
    assert lines == ["7", "9", "15", "16"]
    assert items[0].source == f"{tmp_path / 'nlu.yml'}:7"


@pytest.mark.parametrize("intent_first", [True, False])
def test_examples_may_be_a_list_with_metadata(read, intent_first):
    examples = (
        "  examples:\n  - text: |\n      hi [Bob](name)\n    metadata: {a: [1]}\n  - text: yo\n"
    )
    if intent_first:
        items = read(nlu("- intent: greet\n  metadata: {x: y}\n" + examples))
    else:
        items = read(nlu("-" + examples[1:] + "  intent: greet\n"))
    assert items == [
        Message("hi Bob", "greet", (Entity(3, 6, "name", "Bob"),)),
        Message("yo", "greet"),
    ]


def test_annotated_value_is_yielded_as_synonym(read):
    items = read(nlu("- intent: go\n  examples: |\n    - [NYC](city:New York)\n"))
    assert items[1] == Synonym("NYC", "New York")


def test_retrieval_intent_keeps_base_intent_and_response_key(read):
    items = read(nlu("- intent: faq/ask_hours \n  examples: |\n    - when?\n"))
    assert items == [Message("when?", "faq", (), "faq/ask_hours")]


def test_names_that_yaml_takes_for_booleans_stay_text(read):
    assert read(nlu("- intent: yes\n  examples: |\n    - sure\n"))[0].intent == "yes"


def test_bom_and_windows_line_ends_are_fine(read):
    text = nlu("- intent: a\n  examples: |\n    - b\n").replace("\n", "\r\n")
    (message,) = read(b"\xef\xbb\xbf" + text.encode())
    assert message == Message("b", "a")
    assert message.source.endswith(":5")


def test_aliases_within_the_section_are_followed(read):
    items = read(nlu("- intent: a\n  examples: &e |\n    - b\n- intent: c\n  examples: *e\n"))
    assert items == [Message("b", "a"), Message("b", "c")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (nlu("- intent: a\n  examples: |\n    - b\n    c\n"), "nlu.yml:6: line 'c' of 'a' dropped"),
        (nlu("- intent: a\n  examples: |\n    - b\n    -\n"), "nlu.yml:6: line '-' .* it is empty"),
        (nlu("- intent: a\n"), "nlu.yml:3: 'a' has no examples"),
        ('version: "2.0"\nnlu: []\n', "nlu.yml: format version 2.0 is older; read as 3.1"),
        ("nlu: []\n", "nlu.yml: no 'version' key; read as version 3.1"),
    ],
)
def test_oddities_are_logged(read, caplog, text, message):
    caplog.set_level("INFO")
    read(text)
    assert re.search(message, caplog.text)


def test_file_of_newer_version_is_skipped(read, caplog):
    assert read('version: "4.0"\nnlu:\n- intent: a\n  examples: |\n    - b\n') == []
    assert "skipped, because its format version 4.0 is newer" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nlu:\n- intent: 'a\n", r"nlu.yml:3: not valid YAML: .*; correct the file there"),
        ("nlu:\n- intent: a\n examples: b\n", r"nlu.yml:3: not valid YAML"),
        (b"nlu:\n- intent: \xff\n", r"nlu.yml: not readable as UTF-8 .* at byte 15; save the file"),
        ("- a\n", r"nlu.yml:1: the file must be a map with the key 'nlu'; received a list of 1"),
        (
            nlu("  intent: a\n"),
            r"nlu.yml:3: 'nlu' must be a list .*; received a map with .* intent",
        ),
        (nlu("- hello\n"), r"nlu.yml:3: a section of 'nlu' must be a map; received 'hello'"),
        (nlu("- intnt: a\n  examples: x\n"), r"nlu.yml:3: .* needs one of 'intent:'.* intnt, exam"),
        (
            nlu("- intent:\n  examples: |\n    - b\n"),
            r"nlu.yml:3: 'intent' must be followed by a n",
        ),
        (
            nlu("- intent: a/b/c\n  examples: |\n    - b\n"),
            r"nlu.yml:3: .* at most one '/'.*'a/b/c'",
        ),
        (nlu("- intent: /b\n  examples: |\n    - b\n"), r"nlu.yml:3: the intent has no name"),
        (nlu("- intent: a\n  examples: 5\n"), r"nlu.yml:4: 'examples' of 'a' must be text; .*'5'"),
        (
            nlu("- regex: a\n  examples:\n  - text: b\n"),
            r"nlu.yml:5: 'examples' of 'a' must be text",
        ),
        (nlu("- intent: a\n  examples:\n  - b\n"), r"nlu.yml:5: a listed example .* received 'b'"),
        (nlu("- intent: a\n  examples:\n  - txt: b\n"), r"nlu.yml:5: .* a map with the keys txt"),
        (nlu("- intent: a\n  intent: b\n"), r"nlu.yml:4: the key 'intent' stands twice"),
        (nlu("- intent: a\n  examples: *x\n"), r"nlu.yml:4: (the alias \*x points|not valid YAML)"),
        ("nlu: []\n---\nnlu: []\n", r"nlu.yml:2: a second YAML document starts here"),
        ("nlu: []\nversion: '9'\n", r"nlu.yml:2: 'version' names a format .* move it to the top"),
        (
            nlu('- intent: a\n  examples: |\n    - b\n    - [x]{"e": 1}\n'),
            r"nlu.yml:6: .* no \"entity",
        ),
    ],
)
def test_malformed_file_is_refused_naming_the_line(read, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read(text)
    assert "\n" not in str(caught.value)

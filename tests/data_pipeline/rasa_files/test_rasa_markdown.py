"""Reading the Markdown of Rasa 1.x."""

from __future__ import annotations

import pytest

from data_pipeline.dialogue.stories.story_markdown import has_stories
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.nlu_markdown import (
    has_nlu_sections,
    iter_nlu_markdown,
    response_keys,
)
from data_pipeline.rasa_files.training_items import (
    Entity,
    LookupTable,
    Message,
    RegexPattern,
    Synonym,
)

TEXT = r"""<!-- a comment
## nonsense:x -->
## intent: greet
- hi
  * hello [NYC](city:New York)
+ two\nlines

## intent:faq/hours
- when
## synonym:New York
- nyc
## regex:zip
- \b[0-9]{5}\b
## lookup:city
- Rome
cities.txt
"""


def test_every_section_is_read(tmp_path):
    path = tmp_path / "nlu.md"
    path.write_text(TEXT)
    (tmp_path / "cities.txt").write_text("Oslo\n\nBern\n")
    items = list(iter_nlu_markdown(path))
    assert items == [
        Message("hi", "greet"),
        Message("hello NYC", "greet", (Entity(6, 9, "city", "New York"),)),
        Synonym("NYC", "New York"),
        Message("two\nlines", "greet"),
        Message("when", "faq", (), "faq/hours"),
        Synonym("nyc", "New York"),
        RegexPattern("zip", r"\b[0-9]{5}\b"),
        LookupTable("city", ("Rome", "Oslo", "Bern")),
    ]
    assert items[0].source == f"{path}:4"


def test_a_lookup_file_may_be_named_from_the_root_of_the_project(tmp_path):
    nlu = tmp_path / "project" / "data" / "nlu" / "nlu.md"
    nlu.parent.mkdir(parents=True)
    nlu.write_text("## lookup:city\ndata/cities.txt\n")
    (tmp_path / "project" / "data" / "cities.txt").write_text("Oslo\n")
    assert list(iter_nlu_markdown(nlu)) == [LookupTable("city", ("Oslo",))]


RESPONSES = """<!-- what the bot says -->
## opening hours
* faq/hours
  - We open at 9 and close at 5.
  - From 9 to 5.

## prices
* faq/prices
    - It is free.
"""


def test_responses_are_told_from_stories():
    assert response_keys(RESPONSES) == ["faq/hours", "faq/prices"]
    assert not has_nlu_sections(RESPONSES) and not has_stories(RESPONSES)
    stories = "## hours\n* faq/hours\n  - respond_faq\n* bye\n  - utter_bye\n"
    assert response_keys(stories) == [] and has_stories(stories)
    assert response_keys("## intent: faq/hours\n- when\n") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("## intnt:a\n", "nlu.md:1: unknown section 'intnt'; expected one of intent, synonym"),
        ("## lookup:a\nno.txt\n", "nlu.md:2: the lookup table names a file that does not exist; "),
        ("## intent:a/b/c\n- x\n", "nlu.md:2: an intent name holds at most one '/'"),
    ],
)
def test_malformed_file_is_refused_naming_the_line(tmp_path, text, message):
    path = tmp_path / "nlu.md"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        list(iter_nlu_markdown(path))


def test_file_that_is_not_utf8_is_refused_naming_the_line(tmp_path):
    path = tmp_path / "nlu.md"
    path.write_bytes(b"## intent:a\n- caf\xe9\n")
    with pytest.raises(InputError, match="nlu.md:2: not UTF-8 text; received byte 0xe9; save"):
        list(iter_nlu_markdown(path))


def test_stories_and_documentation_are_not_nlu_data():
    assert not has_nlu_sections("## happy path\n* greet\n  - utter_greet\n")
    assert not has_nlu_sections("<!-- ## intent:x -->\n# About\n")
    assert has_nlu_sections("##intent: x\n- a\n")

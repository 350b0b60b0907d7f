"""Small domains and stories, written to files."""

from pathlib import Path

import pytest

DOMAIN = """
version: "3.1"
intents: [greet, inform, bye]
entities: [city, name]
slots:
  city: {type: text, mappings: [{type: from_entity, entity: city}]}
  known: {type: bool, mappings: [{type: custom}]}
actions: [utter_hello, utter_bye]
forms: {city_form: {required_slots: [city]}}
"""


@pytest.fixture
def written(tmp_path):
    """Writes a text to a file of a name and returns its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def domain_file(written):
    return written("domain.yml", DOMAIN)

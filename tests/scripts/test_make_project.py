"""Projects of any size: read by our own readers, with a natural long tail, the same each time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml
from make_project import Size, make_project, messages

from data_pipeline.rasa_files.nlu_files import iter_nlu_files
from data_pipeline.rasa_files.training_items import Message

SIZE = Size(messages=3000, intents=7, words=5000, entities=3, stories=20, seed=5)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("made")
    make_project(path, SIZE)
    return path


def test_messages_are_read_as_they_were_asked_for(project):
    read = [m for m in iter_nlu_files([project / "data" / "nlu.yml"]) if isinstance(m, Message)]
    assert len(read) == SIZE.messages
    assert len({message.intent for message in read}) == SIZE.intents
    assert len({entity.entity for message in read for entity in message.entities}) == SIZE.entities


def test_words_have_a_long_tail():
    texts = [text for _, text in messages(Size(messages=3000, words=5000, entities=0, seed=5))]
    counts = Counter(word for text in texts for word in text.split())
    once = sum(count == 1 for count in counts.values())
    assert once > len(counts) / 5 and counts.most_common(1)[0][1] > 1000
    half = Counter(word for text in texts[::2] for word in text.split())
    assert len(half) < 0.85 * len(counts)  # new words keep turning up


def test_the_same_arguments_write_the_same_files(project, tmp_path):
    make_project(tmp_path, SIZE)
    for path in (path for path in project.rglob("*") if path.is_file()):
        assert path.read_bytes() == (tmp_path / path.relative_to(project)).read_bytes()


def test_stories_name_what_the_domain_has(project):
    domain = yaml.safe_load((project / "domain.yml").read_text())
    told = yaml.safe_load((project / "data" / "stories.yml").read_text())["stories"]
    assert len(told) == SIZE.stories
    steps = [step for story in told for step in story["steps"]]
    assert {step["intent"] for step in steps if "intent" in step} <= set(domain["intents"])
    assert {step["action"] for step in steps if "action" in step} <= set(domain["responses"])

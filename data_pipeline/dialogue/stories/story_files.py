"""Finds the stories and rules among files and folders, and reads them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.stories.named_things import NamedThings
from data_pipeline.dialogue.stories.story_markdown import has_stories, iter_story_markdown
from data_pipeline.dialogue.stories.story_reading import StoryReading
from data_pipeline.dialogue.stories.story_steps import StoryStep, bot_texts
from data_pipeline.dialogue.stories.story_yaml import iter_story_yaml
from data_pipeline.rasa_files.finding import check_link, find_files, has_top_level_key
from data_pipeline.rasa_files.text_files import read_text

STORY_KEYS = ("stories", "rules")


@dataclass(frozen=True)
class StoryData:
    """All stories and rules of a project.

    Attributes:
        steps: of the stories, in file order.
        rule_steps: of the rules; they are checked, but TED does not learn from them.
        domain: the given one, which also knows the end-to-end bot texts of the steps.
        names: every name of the domain that was used, and where.
    """

    steps: tuple[StoryStep, ...]
    rule_steps: tuple[StoryStep, ...]
    domain: Domain
    names: NamedThings


def read_stories(paths: Iterable[str | Path], domain: Domain) -> StoryData:
    """Reads everything in these files and, recursively, folders; checks it against the domain.

    Raises:
        InputError: no stories there, a file is not shaped like stories, or they use names that
            the domain does not have (all are named).
    """
    data = read_unchecked_stories(paths, domain)
    data.names.check(data.domain)
    return data


def read_unchecked_stories(paths: Iterable[str | Path], domain: Domain) -> StoryData:
    """`read_stories`, but names that the domain lacks are left to the caller (`names.unknown`)."""
    reading = StoryReading(domain)
    steps: list[StoryStep] = []
    for path in find_story_files(paths):
        read = iter_story_markdown if path.suffix.lower() == ".md" else iter_story_yaml
        steps += read(path, reading)
    return StoryData(
        tuple(step for step in steps if not step.is_rule),
        tuple(step for step in steps if step.is_rule),
        domain.with_action_texts(bot_texts(steps)),
        reading.names,
    )


def find_story_files(paths: Iterable[str | Path]) -> list[Path]:
    """The files with stories or rules among the given files and folders; each once.

    Raises:
        InputError: a path does not exist, or there are no stories in it.
    """
    return find_files(
        paths,
        is_story_file,
        what="stories",
        expected="no stories here; expected YAML with a top-level 'stories:' or 'rules:' key, or "
        "Markdown with '## name of the story'",
    )


def is_story_file(path: Path) -> bool:
    """Whether the file holds stories or rules.

    Raises:
        InputError: it is a link that leads nowhere, or not readable as what its name says.
    """
    check_link(path)
    if path.suffix.lower() == ".md":
        return has_stories(read_text(path))
    return has_top_level_key(path, STORY_KEYS)

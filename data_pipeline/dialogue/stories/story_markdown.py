"""Reads stories from the Markdown of Rasa 1 and 2."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_pipeline.dialogue.domain.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    SlotSet,
    StoryEntity,
    UserUttered,
)
from data_pipeline.dialogue.stories.named_events import named_events
from data_pipeline.dialogue.stories.story_reading import StoryReading
from data_pipeline.dialogue.stories.story_steps import Checkpoint, StoryBuilder, StoryStep
from data_pipeline.dialogue.stories.user_steps import annotated_text
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.intent_names import split_intent
from data_pipeline.rasa_files.nlu_markdown import has_nlu_sections, response_keys
from data_pipeline.rasa_files.text_files import read_text
from data_pipeline.warnings_to_user import note, warn

COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
STORY_LINE = re.compile(r"^\s*(##|>>)\s*\S.*\n+(\s*\n)*\s*([*>]|-\s*\w+(\s|\{|$))", re.MULTILINE)
NAMED = re.compile(r"(?P<name>[^{:]+)(?P<values>{.*})?$")
SPOKEN = re.compile(r"(?P<intent>[^{:\s]+)\s*:\s*(?P<text>.+)$")
LOOPS = ("active_loop", "form")
SKIPPED = "form:"
SIGNS = "*->"
RENAMED = {"action_deactivate_form": "action_deactivate_loop"}


def has_stories(text: str) -> bool:
    """Whether a Markdown text holds stories rather than NLU examples, responses or prose."""
    if has_nlu_sections(text) or response_keys(text):
        return False
    return STORY_LINE.search(COMMENT.sub("", text)) is not None


def iter_story_markdown(path: Path, reading: StoryReading) -> Iterator[StoryStep]:
    """Yields the steps of the stories of a file, in file order.

    Mirrors `MarkdownStoryReader` of Rasa 2. A user line may also hold what was said, as test
    stories have it: `* greet: hello`.

    Raises:
        InputError: a line that stands outside of a story, or braces that hold no JSON.
    """
    note(path, "stories in Markdown are read as Rasa 2 does.")
    text = COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), read_text(path))
    story: _Story | None = None
    for number, line in enumerate(text.split("\n"), 1):
        line, source = line.strip(), f"{path}:{number}"
        if line.startswith(("#", ">>")):
            yield from story.builder.steps() if story else ()
            name = line.lstrip("#>").strip()
            if not name:
                warn(f"{source}: the story has no name; write '## name'")
            builder = reading.builder(name, is_rule=line.startswith(">>"))
            story = _Story(name, reading, builder)
        elif line and line[0] not in SIGNS:
            warn(
                f"{source}: expected '## name', '* intent', '- action' or '> checkpoint'; "
                f"left out; received {line!r}"
            )
        elif line:
            if story is None:
                raise InputError(f"{source}: expected '## name of the story'; received {line!r}")
            story.add(line, source)
    yield from story.builder.steps() if story else ()


class _Story:
    """Adds the lines of one story."""

    def __init__(self, name: str, reading: StoryReading, builder: StoryBuilder) -> None:
        self.builder = builder
        self._name = name
        self._reading = reading

    def add(self, line: str, source: str) -> None:
        sign, content = line[0], line[1:].strip()
        if sign == ">":
            name, conditions = self._named(content, source)
            for slot in conditions:
                self._use("slot", slot, source)
            self.builder.add_checkpoint(Checkpoint(name, tuple(_frozen(conditions).items())))
        elif sign == "*":
            written = [content] if SPOKEN.match(content) else content.split(" OR ")
            self.builder.add_alternatives(
                [self._reading.shared(self._user(part.strip(), source)) for part in written]
            )
        elif not content.startswith(SKIPPED):
            for event in self._events(content, source):
                self.builder.add_event(self._reading.shared(event))

    def _use(self, kind: str, name: str, source: str) -> None:
        # What reads Markdown is Rasa 1 and 2, which train without unknown slots and forms.
        self._reading.names.add(kind, name, source, self._name)

    def _named(self, content: str, source: str) -> tuple[str, dict[str, Any]]:
        """`name{"key": "value"}`."""
        match = NAMED.match(content)
        if match is None:
            raise InputError(f"{source}: expected a name in {self._name!r}; received {content!r}")
        try:
            values = json.loads(match["values"] or "{}")
        except json.JSONDecodeError as error:
            raise InputError(
                f"{source}: the braces in {self._name!r} hold no valid JSON ({error.msg}); "
                f"received {content!r}"
            ) from error
        return match["name"].strip(), values

    def _user(self, content: str, source: str) -> UserUttered:
        spoken = SPOKEN.match(content)
        if spoken:
            intent = split_intent(spoken["intent"], source)[0]
            text, entities = annotated_text(spoken["text"], source)
        else:
            name, values = self._named(content, source)
            intent, text = split_intent(name.removeprefix("/"), source)[0], None
            entities = tuple(
                StoryEntity(entity, value)
                for entity, listed in values.items()
                for value in (listed if isinstance(listed, list) else [listed])
            )
        self._use("intent", intent, source)
        for entity in entities:
            self._use("entity", entity.entity, source)
        return UserUttered(intent, text, entities)

    def _events(self, content: str, source: str) -> list[Event]:
        name, values = self._named(content, source)
        if name == "slot":
            for slot in values:
                self._use("slot", slot, source)
            return [SlotSet(slot, value) for slot, value in _frozen(values).items()]
        if name in LOOPS:
            loop = values.get("name")
            if loop is not None:
                self._use("form", loop, source)
            return [ActiveLoop(loop)]
        events = named_events(name, self._reading.domain, source, self._name)
        if events is not None:
            return events
        if name in RENAMED:
            note(source, f"{name!r} is read as {RENAMED[name]!r}, its name since Rasa 2.")
            name = RENAMED[name]
        self._reading.names.add("action", name, source, self._name, needed=True)
        return [ActionExecuted(name)]


def _frozen(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}

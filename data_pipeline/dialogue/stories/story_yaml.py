"""Reads stories and rules from Rasa's YAML format, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from yaml.events import MappingStartEvent, SequenceStartEvent

from data_pipeline.dialogue.stories.story_parts import StoryParts
from data_pipeline.dialogue.stories.story_reading import StoryReading
from data_pipeline.dialogue.stories.story_steps import StoryStep
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.nlu_yaml import version_is_readable
from data_pipeline.rasa_files.yaml_events import YamlEvents, open_events
from data_pipeline.rasa_files.yaml_values import (
    Node,
    Scalar,
    expect_mapping,
    expect_name,
    expect_sequence,
    expect_truth,
    is_null,
)
from data_pipeline.warnings_to_user import warn

RULE_SNIPPET = "..."
TITLES = {"stories": "story", "rules": "rule"}
KNOWN_KEYS = {
    "story": {"story", "steps", "metadata"},
    "rule": {
        "rule",
        "steps",
        "metadata",
        "condition",
        "wait_for_user_input",
        "conversation_start",
    },
}


def iter_story_yaml(path: Path, reading: StoryReading) -> Iterator[StoryStep]:
    """Yields the steps of the stories of a file, then those of its rules.

    Mirrors `YAMLStoryReader`; what that leaves out with a warning is left out here, too.

    Raises:
        InputError: the file is not YAML or not shaped like stories.
    """
    with open_events(path) as events:
        yield from _StoryYaml(events, reading).steps()


class _StoryYaml:
    """Goes once through the events of a file."""

    def __init__(self, events: YamlEvents, reading: StoryReading) -> None:
        self._events = events
        self._reading = reading

    def steps(self) -> Iterator[StoryStep]:
        events = self._events
        if not events.enter_document():
            return
        if not isinstance(events.peek(), MappingStartEvent):
            root = events.compose()
            if is_null(root):
                return
            expect_mapping(root, events.source(root.line), "a file of stories")
        events.take()
        rules: list[Node] = []
        version: str | None = None
        version_checked = False
        for key in events.keys():
            if key.value == "version":
                node = events.compose()
                version = node.value if isinstance(node, Scalar) else None
                if not version_is_readable(version, events.path):
                    return
                version_checked = True
            elif key.value == "stories":
                for node in self._items():
                    yield from self._item("story", node)
            elif key.value == "rules":
                rules += self._items()
            else:
                events.skip()
        if not version_checked:
            version_is_readable(None, events.path)
        events.expect_one_document()
        for node in rules:
            yield from self._item("rule", node)

    def _items(self) -> Iterator[Node]:
        events = self._events
        if not isinstance(events.peek(), SequenceStartEvent):
            node = events.compose()
            expect_sequence(node, events.source(node.line), "'stories' or 'rules'")
            return
        events.take()
        while not events.at_end():
            yield events.compose()

    def _item(self, title: str, node: Node) -> list[StoryStep]:
        where = self._events.source(node.line)
        items = expect_mapping(node, where, f"a {title}").items
        self._check_keys(title, node, items)
        if title not in items:
            warn(f"{where}: expected '- {title}: NAME'; left out; received {node.shown()}")
            return []
        name = self._title(title, items[title], where)
        steps = expect_sequence(items.get("steps", Scalar("", node.line)), where, "'steps'")
        if not steps:
            warn(f"{where}: the {title} {name!r} has no steps; left out")
            return []
        builder = self._reading.builder(name, is_rule=title == "rule")
        parts = StoryParts(self._events.path, name, self._reading, builder)
        conditions = items.get("condition")
        if conditions is not None:
            for condition in expect_sequence(conditions, where, "'condition'"):
                parts.add(condition)
        if title == "rule" and not self._truth(items, "conversation_start", False):
            parts.add_action(RULE_SNIPPET, where)
        for step in steps:
            parts.add(step)
        if title == "rule" and not self._truth(items, "wait_for_user_input", True):
            parts.add_action(RULE_SNIPPET, where)
        return builder.steps()

    def _title(self, title: str, node: Node, where: str) -> str:
        if is_null(node) or (isinstance(node, Scalar) and not node.value.strip()):
            warn(f"{where}: a {title} without a name; give it one after '{title}:'")
            return ""
        return expect_name(node, where, f"'{title}'")

    def _check_keys(self, title: str, node: Node, items: dict[str, Node]) -> None:
        for key, value in items.items():
            if key not in KNOWN_KEYS[title]:
                raise InputError(
                    f"{self._events.source(value.line)}: {key!r} is not known in a {title}; "
                    f"use one of {', '.join(sorted(KNOWN_KEYS[title]))}"
                )

    def _truth(self, items: dict[str, Node], key: str, default: bool) -> bool:
        node = items.get(key)
        return default if node is None else expect_truth(node, self._events.source(node.line))

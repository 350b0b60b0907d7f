"""What a user step of a story means: `intent:` with `entities:`, or `user:` with a text."""

from __future__ import annotations

import json
import re
from typing import Any

from data_pipeline.dialogue.domain.events import StoryEntity, UserUttered
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.annotations import parse_example
from data_pipeline.rasa_files.intent_names import split_intent
from data_pipeline.rasa_files.yaml_values import (
    Mapping,
    Node,
    Scalar,
    expect_name,
    expect_sequence,
    frozen_value,
    is_null,
)
from data_pipeline.warnings_to_user import warn

COMMAND = re.compile(r"/(?P<intent>[^{@]+)(?P<confidence>@[0-9.]+)?(?P<entities>{.+})?")


def read_user_step(items: dict[str, Node], where: str, story: str) -> UserUttered:
    """The event of a step with `intent`, `user` or both.

    Of a retrieval intent only the base intent counts. Where there is a text, its annotations are
    the entities (`YAMLStoryReader._parse_raw_user_utterance`).

    Args:
        where: `file:line`.

    Raises:
        InputError: what is announced as an intent is none, or broken entities.
    """
    intent = None
    if "intent" in items:
        intent = _intent(items["intent"], where, story)
    if "user" in items:
        text = expect_name(items["user"], where, f"'user' in {story!r}")
        plain, entities = annotated_text(text, where)
        return UserUttered(intent, plain, entities)
    node = items.get("entities")
    listed = [] if node is None else expect_sequence(node, where, f"'entities' in {story!r}")
    return UserUttered(intent, None, tuple(_listed_entity(item, where, story) for item in listed))


def _intent(node: Node, where: str, story: str) -> str:
    """The base intent; none, as Rasa takes it, where no name is written."""
    if isinstance(node, Scalar) and (is_null(node) or not node.value.strip()):
        warn(f"{where}: 'intent' in {story!r} has no name; the model sees nothing of that step")
        return ""
    written = expect_name(node, where, f"'intent' in {story!r}")
    return split_intent(written.removeprefix("/"), where)[0]


def annotated_text(text: str, where: str) -> tuple[str, tuple[StoryEntity, ...]]:
    """The plain text and its entities; those of a message like `/inform{...}` are in the braces.

    Raises:
        InputError: broken annotations.
    """
    plain, annotated, _ = parse_example(text, where)
    if plain.startswith("/"):
        return plain, command_entities(plain, where)
    entities = (StoryEntity(e.entity, e.value, e.role, e.group, e.start, e.end) for e in annotated)
    return plain, tuple(entities)


def command_entities(text: str, where: str) -> tuple[StoryEntity, ...]:
    """The entities of a message such as `/inform{"city": "Rome"}`; none where that is no JSON."""
    match = COMMAND.match(text)
    written = match["entities"] if match else None
    if written is None:
        return ()
    try:
        named = json.loads(written)
    except json.JSONDecodeError as error:
        warn(f"{where}: the entities of {text!r} are not valid JSON ({error.msg}); left out")
        return ()
    if not isinstance(named, dict):
        warn(f"{where}: the entities of {text!r} must be a map in braces; left out")
        return ()
    return tuple(
        StoryEntity(name, value)
        for name, values in named.items()
        for value in (values if isinstance(values, list) else [values])
    )


def _listed_entity(node: Node, where: str, story: str) -> StoryEntity:
    """`- name`, or `- name: value` with perhaps `role:` and `group:`."""
    if not isinstance(node, Mapping):
        return StoryEntity(expect_name(node, where, f"an entity in {story!r}"), "")
    labels: dict[str, Any] = {
        key: expect_name(value, where, f"the {key} of an entity in {story!r}")
        for key, value in node.items.items()
        if key in ("role", "group")
    }
    named = [(key, value) for key, value in node.items.items() if key not in labels]
    if len(named) != 1:
        raise InputError(
            f"{where}: an entity in {story!r} must be '- NAME: VALUE', with 'role' and 'group' "
            f"below it if it has them; received {node.shown()}"
        )
    ((name, value),) = named
    return StoryEntity(name, frozen_value(value), **labels)

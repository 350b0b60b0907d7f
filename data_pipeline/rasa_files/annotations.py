"""The entity annotations inside one example: `fly to [Rome](city)` becomes text and entities."""

from __future__ import annotations

import json
import re
from typing import Any

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.training_items import Entity, Synonym

ANNOTATION = re.compile(
    r"""
    \[(?P<text>[^\]]+)\]                                   # the covered text, shortest run
    (?:
        \((?P<type>[^:)]+)(?::(?P<value>[^)]+))?\)         # (type) or (type:value)
      | \{(?P<single>[^}]+)\}                              # {"entity": ...}
      | \[(?P<several>.*?)\]                               # [{...},{...}]
    )
    """,
    re.VERBOSE,
)
JSON_OBJECT = re.compile(r"\{([^}]+)\}")
HOW_TO_WRITE = 'write it as [text](type) or [text]{"entity": "type", "role": "role"}'


def parse_example(text: str, source: str) -> tuple[str, tuple[Entity, ...], list[Synonym]]:
    """Splits an annotated example into plain text, entities and the synonyms they imply.

    Mirrors `rasa.shared.nlu.training_data.entities_parser`. Offsets count characters of the plain
    text. A value that differs from the covered text makes the text a synonym of the value.

    Args:
        text: the example as written in the file.
        source: `file:line`, for error messages.

    Raises:
        InputError: a JSON annotation is broken, lacks `entity` or holds a wrong type.
    """
    if "[" not in text:
        return text, (), []
    pieces: list[str] = []
    entities: list[Entity] = []
    read_until = plain_length = 0
    for match in ANNOTATION.finditer(text):
        before, covered = text[read_until : match.start()], match["text"]
        start = plain_length + len(before)
        plain_length = start + len(covered)
        read_until = match.end()
        pieces += before, covered
        entities += _entities_of(match, start, plain_length, source)
    pieces.append(text[read_until:])
    plain_text = "".join(pieces)
    return plain_text, tuple(entities), _synonyms_of(plain_text, entities)


def _synonyms_of(plain_text: str, entities: list[Entity]) -> list[Synonym]:
    covered = [(plain_text[entity.start : entity.end], entity.value) for entity in entities]
    return [Synonym(text, value) for text, value in covered if text != value]


def _entities_of(match: re.Match[str], start: int, end: int, source: str) -> list[Entity]:
    if match["type"]:
        return [Entity(start, end, match["type"], match["value"] or match["text"])]
    objects = [match["single"]] if match["single"] else JSON_OBJECT.findall(match["several"])
    return [_entity_from_json(body, match["text"], start, end, source) for body in objects]


def _entity_from_json(body: str, covered: str, start: int, end: int, source: str) -> Entity:
    written = "{" + body + "}"
    try:
        attributes = json.loads(written)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{source}: the entity annotation of {covered!r} is not valid JSON ({error.msg}); "
            f"received {written}; {HOW_TO_WRITE}"
        ) from error
    return entity_from_attributes(attributes, covered, start, end, source)


def entity_from_attributes(
    attributes: dict[str, Any], covered: str, start: int, end: int, source: str
) -> Entity:
    """Checks the attributes of one entity (`rasa...schemas.data_schema`) and builds it."""
    if "entity" not in attributes:
        raise InputError(
            f'{source}: the entity annotation of {covered!r} has no "entity"; '
            f"received {json.dumps(attributes, ensure_ascii=False)}; {HOW_TO_WRITE}"
        )
    for key in ("entity", "role", "group", "value"):
        value = attributes.get(key, "")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not isinstance(value, str) and not (key == "value" and is_number):
            expected = "a string or a number" if key == "value" else "a string"
            raise InputError(
                f'{source}: "{key}" in the entity annotation of {covered!r} must be {expected}; '
                f"received {json.dumps(value, ensure_ascii=False)}; put it in double quotes"
            )
    return Entity(
        start,
        end,
        attributes["entity"],
        str(attributes.get("value", covered)),
        role=attributes.get("role") or None,
        group=attributes.get("group") or None,
    )

"""Reads NLU training data from Rasa's old JSON format, `{"rasa_nlu_data": {...}}`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.annotations import entity_from_attributes
from data_pipeline.rasa_files.intent_names import split_intent
from data_pipeline.rasa_files.text_files import lookup_file, read_elements, read_text
from data_pipeline.rasa_files.training_items import (
    Entity,
    LookupTable,
    Message,
    RegexPattern,
    Synonym,
    TrainingItem,
)
from data_pipeline.warnings_to_user import warn

ROOT = "rasa_nlu_data"
SECTIONS = ("common_examples", "entity_synonyms", "regex_features", "lookup_tables")


def has_rasa_json(path: Path) -> bool:
    """Whether the JSON file is training data; a file that is not JSON is not."""
    text = read_text(path)
    if f'"{ROOT}"' not in text:
        return False
    return isinstance(_root(text, path), dict)


def iter_nlu_json(path: Path) -> Iterator[TrainingItem]:
    """Yields examples, synonyms, patterns and lookup tables, in this order.

    Mirrors `rasa.shared.nlu.training_data.formats.rasa.RasaReader`.

    Raises:
        InputError: the file is not JSON, or a record lacks a key or holds a wrong type. As JSON
            keeps no lines, the place is given as `file: common_examples[7]`.
    """
    data = _root(read_text(path), path)
    if not isinstance(data, dict):
        raise InputError(f'{path}: no "{ROOT}" map at the top; add it or leave the file out')
    for section in SECTIONS:
        records = data.get(section, [])
        if not isinstance(records, list):
            raise InputError(f"{path}: {section} must be a list; received {_shown(records)}")
        for index, record in enumerate(records):
            yield from _READERS[section](record, path, f"{path}: {section}[{index}]")


def json_lookup_files(path: Path) -> list[Path]:
    """The files that its lookup tables name (`InputError` where one does not exist)."""
    data = _root(read_text(path), path)
    tables = data.get("lookup_tables", []) if isinstance(data, dict) else []
    return [
        lookup_file(table["elements"], path, f"{path}: lookup_tables[{index}]")
        for index, table in enumerate(tables if isinstance(tables, list) else [])
        if isinstance(table, dict) and isinstance(table.get("elements"), str)
    ]


def _root(text: str, path: Path) -> Any:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}:{error.lineno}: not valid JSON: {error.msg}; correct the file there"
        ) from error
    return content.get(ROOT) if isinstance(content, dict) else None


def _field(record: Any, key: str, expected: type | tuple[type, ...], source: str) -> Any:
    value = record.get(key) if isinstance(record, dict) else None
    if not isinstance(value, expected):
        types = expected if isinstance(expected, tuple) else (expected,)
        names = " or ".join(kind.__name__ for kind in types)
        raise InputError(f'{source}: "{key}" must be {names}; received {_shown(record)}')
    return value


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:80] + "..."


def _example(record: Any, path: Path, source: str) -> Iterator[TrainingItem]:
    text = _field(record, "text", str, source)
    intent, response_key = None, None
    if record.get("intent"):
        intent, response_key = split_intent(_field(record, "intent", str, source), source)
    entities = _field(record, "entities", list, source) if record.get("entities") else []
    if not text:
        warn(f"{source}: empty example dropped")
        return
    yield Message(
        text,
        intent,
        tuple(_entity(entity, text, source) for entity in entities),
        response_key,
        source,
    )


def _entity(attributes: Any, text: str, source: str) -> Entity:
    start = _field(attributes, "start", int, source)
    end = _field(attributes, "end", int, source)
    if not 0 <= start < end <= len(text):
        warn(
            f"{source}: an entity must lie inside the text of {len(text)} characters; received "
            f"start {start}, end {end}; correct the offsets, it is not learnt from as it is"
        )
    return entity_from_attributes(attributes, text[start:end], start, end, source)


def _synonyms(record: Any, path: Path, source: str) -> Iterator[TrainingItem]:
    canonical = _field(record, "value", str, source)
    for example in _field(record, "synonyms", list, source):
        yield Synonym(str(example), canonical)


def _regex(record: Any, path: Path, source: str) -> Iterator[TrainingItem]:
    pattern = _field(record, "pattern", str, source)
    yield RegexPattern(_field(record, "name", str, source), pattern, source)


def _lookup(record: Any, path: Path, source: str) -> Iterator[TrainingItem]:
    elements = _field(record, "elements", (list, str), source)
    if isinstance(elements, str):
        elements = read_elements(elements, path, source)
    yield LookupTable(_field(record, "name", str, source), tuple(map(str, elements)))


_READERS = {
    "common_examples": _example,
    "entity_synonyms": _synonyms,
    "regex_features": _regex,
    "lookup_tables": _lookup,
}

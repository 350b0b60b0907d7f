"""Reads what the bot can say: the `responses:` of domain and NLU files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.finding import files_below, has_top_level_key
from data_pipeline.rasa_files.nlu_markdown import response_keys
from data_pipeline.rasa_files.text_files import read_text
from data_pipeline.rasa_files.yaml_events import open_events
from data_pipeline.rasa_files.yaml_values import (
    Mapping,
    Node,
    Scalar,
    Sequence,
    expect_mapping,
    expect_sequence,
    is_null,
    scalar_value,
)
from data_pipeline.responses.responses import UTTER, Responses, Variation

MARKDOWN_LINE = re.compile(r"\s*\*\s*(?P<key>[^\s/]+/\S+)\s*|\s*-\s*(?P<text>.+)")


def read_responses(nlu: Iterable[str | Path], domain: Iterable[str | Path] = ()) -> Responses:
    """All responses of the NLU files, and of the domain those of retrieval intents.

    A response of the domain takes the place of one with the same name, and so does one in a later
    file. Mirrors `ResponsesSyncImporter.get_nlu_data`. Responses in Markdown, as of Rasa 1, count
    as those of NLU files.

    Args:
        nlu, domain: files and folders.

    Raises:
        InputError: a file is not shaped like responses.
    """
    found: dict[str, tuple[Variation, ...]] = {}
    for path in response_files(nlu):
        found |= dict(_of_file(path))
    for path in response_files(domain):
        found |= {name: said for name, said in _of_file(path) if "/" in name}
    return Responses(found)


def response_files(paths: Iterable[str | Path]) -> list[Path]:
    """The files that hold responses among files and, recursively, folders; each once."""
    below = (file for path in map(Path, paths) for file in files_below(path))
    return [file for file in dict.fromkeys(below) if _holds_responses(file)]


def _holds_responses(path: Path) -> bool:
    if path.suffix.lower() == ".md":
        return bool(response_keys(read_text(path)))
    return has_top_level_key(path, ["responses"])


def _of_file(path: Path) -> Iterator[tuple[str, tuple[Variation, ...]]]:
    if path.suffix.lower() == ".md":
        yield from _of_markdown(path)
        return
    node = _section(path)
    if node is None or is_null(node):
        return
    where = f"{path}:{node.line}"
    for name, variations in expect_mapping(node, where, "'responses'").items.items():
        where = f"{path}:{variations.line}"
        items = expect_sequence(variations, where, f"the response {name!r}")
        yield name, tuple(_variation(item, name, path) for item in items)


def _section(path: Path) -> Node | None:
    """What stands under `responses:` at the top of a YAML file."""
    with open_events(path) as events:
        if not events.enter_mapping():
            return None
        for key in events.keys():
            if key.value == "responses":
                return events.compose()
            events.skip()
    return None


def _variation(node: Node, name: str, path: Path) -> Variation:
    where = f"{path}:{node.line}"
    items = expect_mapping(node, where, f"a variation of the response {name!r}").items
    made = {key: _plain(value) for key, value in items.items()}
    text = made.get("text")
    if text is not None and not isinstance(text, str):
        written = items["text"]
        if not isinstance(written, Scalar):
            raise InputError(
                f"{where}: 'text' of the response {name!r} must be text; received "
                f"{written.shown()}; write it in one piece"
            )
        made["text"] = written.value
    return made


def _plain(node: Node) -> Any:
    """The value of a node, of maps, lists and scalars."""
    if isinstance(node, Mapping):
        return {key: _plain(value) for key, value in node.items.items()}
    return (
        [_plain(item) for item in node.items] if isinstance(node, Sequence) else scalar_value(node)
    )


def _of_markdown(path: Path) -> Iterator[tuple[str, tuple[Variation, ...]]]:
    """`## title`, `* faq/ask_hours` and `- text` for every variation."""
    said: dict[str, list[Variation]] = {}
    key = None
    for line in read_text(path).splitlines():
        found = MARKDOWN_LINE.fullmatch(line.rstrip())
        if found and found["key"]:
            key = UTTER + found["key"]
        elif found and key:
            said.setdefault(key, []).append({"text": found["text"].strip()})
    yield from ((name, tuple(variations)) for name, variations in said.items())

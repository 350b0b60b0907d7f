"""Finds the NLU training data among files and folders, and reads it all."""

from __future__ import annotations

import hashlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data_pipeline.rasa_files.finding import check_link, find_files, has_top_level_key
from data_pipeline.rasa_files.nlu_json import has_rasa_json, iter_nlu_json, json_lookup_files
from data_pipeline.rasa_files.nlu_markdown import (
    has_nlu_sections,
    iter_nlu_markdown,
    markdown_lookup_files,
)
from data_pipeline.rasa_files.nlu_yaml import iter_nlu_yaml
from data_pipeline.rasa_files.seen_digests import DIGEST_BYTES, SeenDigests
from data_pipeline.rasa_files.text_files import read_text
from data_pipeline.rasa_files.training_items import (
    LookupTable,
    Message,
    RegexPattern,
    Synonym,
    TrainingItem,
)
from data_pipeline.warnings_to_user import note, warn

START_BYTES = 1000


@dataclass(frozen=True)
class NluData:
    """All training data of a project; for data that fits in memory.

    Attributes:
        synonyms: how a value may be written -> the canonical value.
        regexes: sorted by name and pattern, as `TrainingData.sort_regex_features` does.
        lookups: in file order.
    """

    messages: tuple[Message, ...]
    synonyms: dict[str, str]
    regexes: tuple[RegexPattern, ...]
    lookups: tuple[LookupTable, ...]


def find_nlu_files(paths: Iterable[str | Path]) -> list[Path]:
    """The files with NLU data among the given files and, recursively, folders; each once.

    Raises:
        InputError: a path does not exist, or there is no NLU data in it.
    """
    return find_files(
        paths,
        is_nlu_file,
        what="NLU data",
        expected="no NLU training data here; expected YAML with a top-level 'nlu:' key, "
        "Markdown with '## intent:' sections or JSON with \"rasa_nlu_data\"",
    )


def is_nlu_file(path: Path) -> bool:
    """Whether the file holds NLU data.

    Raises:
        InputError: it is a link that leads nowhere, or not readable as what its name says.
    """
    check_link(path)
    if _is_json(path):
        return has_rasa_json(path)
    if path.suffix.lower() == ".md":
        return has_nlu_sections(read_text(path))
    return has_top_level_key(path, ["nlu"])


def _is_json(path: Path) -> bool:
    """Whether it is JSON by its name, or by its first sign in spite of the name of Markdown."""
    suffix = path.suffix.lower()
    if suffix != ".md":
        return suffix == ".json"
    with path.open("rb") as file:
        return file.read(START_BYTES).removeprefix(BOM_UTF8).lstrip()[:1] == b"{"


def iter_nlu_file(path: Path) -> Iterator[TrainingItem]:
    """Streams one file, in the format its name tells, or its content if that is JSON."""
    is_markdown = path.suffix.lower() == ".md"
    if _is_json(path):
        if is_markdown:
            warn(f"{path}:1: this is JSON, in spite of its name, and is read as that")
        note(path, "NLU data in JSON, as of Rasa 1, is read as Rasa does.")
        return iter_nlu_json(path)
    if is_markdown:
        note(path, "NLU data in Markdown is read as Rasa 1 does.")
        return iter_nlu_markdown(path)
    return iter_nlu_yaml(path)


def named_lookup_files(path: Path) -> list[Path]:
    """The files that a training file names as lookup tables; in YAML there are none.

    Raises:
        InputError: as `iter_nlu_file`.
    """
    if _is_json(path):
        return json_lookup_files(path)
    return markdown_lookup_files(path) if path.suffix.lower() == ".md" else []


def iter_nlu(paths: Iterable[str | Path]) -> Iterator[TrainingItem]:
    """Streams the items of all NLU files among these files and folders; see `iter_nlu_files`."""
    return iter_nlu_files(find_nlu_files(paths))


def iter_nlu_files(files: Iterable[Path]) -> Iterator[TrainingItem]:
    """Streams the items of files that `find_nlu_files` found; of equal messages only the first.

    Messages are equal in text, intent, response key and entities (`TrainingData.sanitize_examples`;
    unlike there, metadata does not count). What is remembered of a message is a digest.
    """
    seen = SeenDigests()
    for path in files:
        for item in iter_nlu_file(path):
            if not isinstance(item, Message) or seen.add(_digest(item)):
                yield item


def _digest(message: Message) -> bytes:
    identity = repr((message.text, message.intent, message.response_key, message.entities))
    data = identity.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def read_nlu(paths: Iterable[str | Path]) -> NluData:
    """Everything that `iter_nlu` yields, in memory."""
    messages: list[Message] = []
    synonyms: dict[str, str] = {}
    regexes: list[RegexPattern] = []
    lookups: list[LookupTable] = []
    for item in iter_nlu(paths):
        if isinstance(item, Message):
            messages.append(item)
        elif isinstance(item, Synonym):
            add_synonym(synonyms, item)
        elif isinstance(item, RegexPattern):
            regexes.append(item)
        else:
            lookups.append(item)
    return NluData(tuple(messages), synonyms, tuple(sorted_regexes(regexes)), tuple(lookups))


def add_synonym(synonyms: dict[str, str], new: Synonym) -> None:
    """Adds to the map; the later of two definitions wins, with a warning."""
    known = synonyms.setdefault(new.example, new.canonical)
    if known != new.canonical:
        warn(f"synonym {new.example!r} means {known!r} and {new.canonical!r}; the latter is used")
        synonyms[new.example] = new.canonical


def sorted_regexes(regexes: Iterable[RegexPattern]) -> list[RegexPattern]:
    """In the order of their feature columns: by the text `name+pattern`."""
    return sorted(regexes, key=lambda regex: f"{regex.name}+{regex.pattern}")

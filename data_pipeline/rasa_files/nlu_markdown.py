"""Reads NLU training data from the Markdown format of Rasa 1.x and 2.x."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.intent_names import annotated_message, split_intent
from data_pipeline.rasa_files.text_files import lookup_file, read_elements, read_text
from data_pipeline.rasa_files.training_items import LookupTable, RegexPattern, Synonym, TrainingItem
from data_pipeline.warnings_to_user import warn

SECTIONS = ("intent", "synonym", "regex", "lookup")
COMMENT = re.compile(r"<!--.*?--!*>", re.DOTALL)
HEADER = re.compile(r"##\s*([^:]+?)\s*:(.+)")
NLU_HEADER = re.compile(rf"^\s*##\s*(?:{'|'.join(SECTIONS)})\s*:", re.MULTILINE)
RESPONSE = re.compile(r"^##.*\n\s*\*\s*[^\s/:{]+/[^\s:{]+\s*\n\s*-", re.MULTILINE)
RESPONSE_KEY = re.compile(r"^\s*\*\s*([^\s/:{]+/[^\s:{]+)\s*$", re.MULTILINE)
USER_LINE = re.compile(r"^\s*\*.*$", re.MULTILINE)
LIST_ITEM = re.compile(r"[-*+]\s*(.+)")
ESCAPE = re.compile(r"\\([ntrbf])")
ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def has_nlu_sections(text: str) -> bool:
    """Whether a Markdown text is NLU data and not stories or documentation."""
    return NLU_HEADER.search(_without_comments(text)) is not None


def response_keys(text: str) -> list[str]:
    """`faq/ask_hours` of every response, if the text holds responses and not stories.

    Both are written alike; in a file of responses every `*` names a retrieval intent with its key
    (`NLGMarkdownReader` of Rasa 1 and 2, which look at the first one only).
    """
    text = _without_comments(text)
    keys = RESPONSE_KEY.findall(text)
    if not RESPONSE.search(text) or len(keys) != len(USER_LINE.findall(text)):
        return []
    return keys


def iter_nlu_markdown(path: Path) -> Iterator[TrainingItem]:
    r"""Yields the items of a Markdown file; lookup tables come last.

    Mirrors `rasa.nlu.training_data.formats.markdown.MarkdownReader` of Rasa 1.10. The escapes `\n`,
    `\t`, `\r`, `\b` and `\f` are decoded, except in patterns, where `\b` is a word border.

    Raises:
        InputError: a section of unknown kind, a broken annotation, a missing lookup file.
    """
    lookups: dict[str, list[str]] = {}
    for section, title, line, source in _lines(path):
        item = LIST_ITEM.match(line)
        if section == "lookup":
            elements = [_decoded(item[1])] if item else read_elements(line, path, source)
            lookups.setdefault(title, []).extend(elements)
        elif item and section:
            yield from _section_items(section, title, item[1], source)
        elif item:
            warn(f"{source}: line {line!r} dropped: it stands before any '## intent:'")
    for name, elements in lookups.items():
        yield LookupTable(name, tuple(elements))


def markdown_lookup_files(path: Path) -> list[Path]:
    """The files that its lookup sections name (`InputError` where one does not exist)."""
    return [
        lookup_file(line, path, source)
        for section, _, line, source in _lines(path)
        if section == "lookup" and not LIST_ITEM.match(line)
    ]


def _lines(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """`(section, title, line, file:line)` of all lines with content; other headings have none."""
    section, title = "", ""
    for number, line in enumerate(_without_comments(read_text(path)).splitlines(), start=1):
        source, line = f"{path}:{number}", line.strip()
        header = HEADER.match(line)
        if header:
            section, title = _section(header, source)
        elif line and not line.startswith("#"):
            yield section, title, line, source


def _without_comments(text: str) -> str:
    """Comments removed, their line breaks kept, so that line numbers stay right."""
    return COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)


def _section(header: re.Match[str], source: str) -> tuple[str, str]:
    kind, title = header[1], header[2]
    if kind not in SECTIONS:
        raise InputError(
            f"{source}: unknown section {kind!r}; expected one of {', '.join(SECTIONS)}; "
            "correct it, or move what is not NLU data to a file of its own"
        )
    return kind, title.strip()


def _section_items(section: str, title: str, item: str, source: str) -> Iterator[TrainingItem]:
    if section == "intent":
        message, synonyms = annotated_message(_decoded(item), split_intent(title, source), source)
        yield message
        yield from synonyms
    elif section == "synonym":
        yield Synonym(_decoded(item), title)
    else:
        yield RegexPattern(title, item, source)


def _decoded(text: str) -> str:
    return ESCAPE.sub(lambda escape: ESCAPED[escape[1]], text)

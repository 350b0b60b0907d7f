"""Which of the files in a project hold which kind of training data; nothing else is opened."""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.yaml_events import open_events

YAML_SUFFIXES = (".yml", ".yaml")
PLAIN_START = re.compile(rb"(?:\xef\xbb\xbf)?(?:(?:#.*|---.*|%.*|[ \t]*)\r?\n)*[^\s{]")
"""A file whose first key is in column 0: then all top-level keys are."""


def find_files(
    paths: Iterable[str | Path], wanted: Callable[[Path], bool], *, what: str, expected: str
) -> list[Path]:
    """The wanted files among the given files and, recursively, folders; each once.

    Args:
        what: names the data in the error about a path that does not exist.
        expected: what is said about a path in which nothing is wanted.

    Raises:
        InputError: a path does not exist, or nothing in it is wanted.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; correct the path of the {what}")
        here = [file for file in files_below(path) if wanted(file)]
        if not here:
            raise InputError(f"{path}: {expected}")
        found.update(dict.fromkeys(here))
    return list(found)


def files_below(path: Path) -> list[Path]:
    """The file itself, or all files in a folder and, recursively, its folders, sorted.

    Hidden files and folders are left out, as in `rasa.shared.utils.io.list_directory`.
    """
    if not path.is_dir():
        return [path]
    files: list[Path] = []
    visited: set[str] = set()
    for base, folders, names in os.walk(path, followlinks=True):
        real = os.path.realpath(base)
        # A folder that links to one above it would be walked without end.
        folders[:] = [] if real in visited else [n for n in folders if not n.startswith(".")]
        files += [] if real in visited else [Path(base, n) for n in names if n[0] != "."]
        visited.add(real)
    return sorted(files)


def check_link(path: Path) -> None:
    """Refuse a link that leads nowhere.

    Raises:
        InputError: it is one.
    """
    if not path.exists():
        raise InputError(f"{path}: a link to a file that does not exist; correct or remove it")


def has_top_level_key(path: Path, keys: Sequence[str]) -> bool:
    """Whether one of the keys stands at the top of a YAML file.

    Most files are only searched: what nowhere has such a key may be anybody's, and is not parsed.

    Raises:
        InputError: it has such a key, but cannot be parsed.
    """
    if path.suffix.lower() not in YAML_SUFFIXES or path.stat().st_size == 0:
        return False
    key = rb"""(["']?)(?:%b)\1[ \t]*:""" % b"|".join(re.escape(key.encode()) for key in keys)
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        if PLAIN_START.match(content):
            return re.search(rb"^(?:\xef\xbb\xbf)?" + key, content, re.M) is not None
        if not re.search(rb"(?:^(?:\xef\xbb\xbf)?|[{,])[ \t]*" + key, content, re.M):
            return False
    with open_events(path) as events:
        if not events.enter_mapping():
            return False
        for name in events.keys():
            if name.value in keys:
                return True
            events.skip()
        return False

"""A folder of arrays, every file of which is accounted for in a header.

Every file's size and SHA-256 are in `header.json`, so a truncated or altered one is refused by
name. The header is written last; that the folder is complete or absent is the matter of
`data_pipeline/atomic_files.py`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from data_pipeline.atomic_files import recover
from data_pipeline.errors import InputError
from data_pipeline.file_hashes import sha256_of

logger = logging.getLogger(__name__)

HEADER_FILE = "header.json"
ADVICE = "Remove the folder and prepare again."
_CSR_PARTS = ("indptr", "indices", "data")


def write_header(directory: Path, header: Mapping[str, Any]) -> None:
    """Write the header of a finished folder: `header`, and every file in it."""
    files = {
        path.relative_to(directory).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": sha256_of(path),
        }
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    text = json.dumps({**header, "files": files}, indent=1)
    (directory / HEADER_FILE).write_text(text, encoding="utf-8")


def read_header(
    directory: Path, *, format_version: int | str, keys: Collection[str] = ()
) -> dict[str, Any] | None:
    """The header of a folder, or None where there is none.

    Args:
        keys: what a header of this format holds, beside `format` and `files`.

    Raises:
        InputError: it is damaged, or of another format.
    """
    recover(directory)
    path = directory / HEADER_FILE
    if not path.is_file():
        return None
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        version = header["format"]
        whole = version != format_version or {"files", *keys} <= header.keys()
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise InputError(f"{path} is damaged. {ADVICE}")
    if _kind(version) != _kind(format_version):
        raise InputError(
            f"{directory} is the prepared data set of another model. Name the folder of this "
            "model's, or another place."
        )
    if version != format_version:
        raise InputError(
            f"{directory} was prepared in format {version}; this version reads {format_version}. "
            f"{ADVICE}"
        )
    return header


def _kind(version: object) -> str:
    """`dialogues` of `dialogues-2`; messages, which were first, have numbers alone."""
    return version.partition("-")[0] if isinstance(version, str) else "messages"


def check_is_free(directory: Path, problem: str) -> None:
    """Refuse to write a data set over something else; what has a header is known to be none.

    Args:
        problem: what is wrong with it, after its name.

    Raises:
        InputError: there is something else.
    """
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise InputError(f"{directory} exists and {problem}. Choose another place or remove it.")


def existing_header(
    directory: Path, *, format_version: int | str, what: str, keys: Collection[str] = ()
) -> dict[str, Any]:
    """The header of a folder that must be there.

    Args:
        what: what it holds, such as `responses`, for the error.

    Raises:
        InputError: it is missing, damaged, or of another format.
    """
    header = read_header(directory, format_version=format_version, keys=keys)
    if header is None:
        raise InputError(
            f"{directory} holds no prepared {what}: it has no {HEADER_FILE}. Prepare them first."
        )
    return header


@contextmanager
def told_if_unwritable(directory: Path, what: str) -> Iterator[None]:
    """In this block `what` is written; if that fails, say so in one line.

    Raises:
        InputError: the disk is full, or the directory may not be written.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"Cannot write the prepared {what} to {directory}: {error.strerror or error}."
        ) from error


def check_files(directory: Path, header: Mapping[str, Any], *, verify: bool) -> None:
    """Refuse a folder in which a file is missing, truncated or (with `verify`) altered.

    Raises:
        InputError: naming the file.
    """
    for name, recorded in header["files"].items():
        check_file(directory / name, recorded, hashed=verify)


def check_file(path: Path, recorded: Mapping[str, Any], *, hashed: bool) -> None:
    """Refuse a file that is missing, truncated or (if it is `hashed`) altered.

    Args:
        recorded: its `bytes` and `sha256` when it was written.

    Raises:
        InputError: naming the file.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing from the prepared data set. {ADVICE}")
    size = path.stat().st_size
    if size != recorded["bytes"]:
        raise InputError(
            f"{path} is truncated or altered: {recorded['bytes']} bytes were written, "
            f"{size} are there. {ADVICE}"
        )
    if hashed and sha256_of(path) != recorded["sha256"]:
        raise InputError(f"{path} was altered: its SHA-256 is not the recorded one. {ADVICE}")


def check_sources(
    directory: Path, prepared: str, now: Callable[[], str], *, sources: str, problem: str
) -> None:
    """Refuse a folder that was prepared from something else than what is at hand.

    Where that is not at hand, there is only a warning: a folder may be used without its sources.

    Args:
        prepared: the fingerprint of what it was prepared from.
        now: makes that of what is at hand; `InputError` where something is missing.
        sources: names the sources for the warning.
        problem: what is said of other ones.

    Raises:
        InputError: they are there, and others.
    """
    try:
        fingerprint = now()
    except InputError as error:
        logger.warning(
            "Whether %s was prepared from %s is not known: %s", directory, sources, error
        )
        return
    if fingerprint != prepared:
        raise InputError(f"{directory} was prepared from {problem}")


def save_csr(path: Path, matrix: csr_matrix) -> None:
    """Three arrays, `path.indptr.npy` and so on."""
    for part in _CSR_PARTS:
        np.save(f"{path}.{part}.npy", getattr(matrix, part))


def load_csr(path: Path, width: int) -> csr_matrix:
    """What `save_csr` saved, as memory maps."""
    indptr, indices, data = (np.load(f"{path}.{part}.npy", mmap_mode="r") for part in _CSR_PARTS)
    return csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, width), copy=False)

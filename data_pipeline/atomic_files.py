"""A folder of arrays that is complete or absent, every file of it accounted for in a header.

It is written under another name and renamed at the end. Every file's size and SHA-256 are in
`header.json`, so a truncated or altered one is refused by name.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from data_pipeline.errors import InputError

HEADER_FILE = "header.json"
ADVICE = "Remove the folder and prepare again."
_CSR_PARTS = ("indptr", "indices", "data")


@contextmanager
def new_folder(final: Path, header: dict[str, Any]) -> Iterator[Path]:
    """A folder to write into, which becomes `final` once the block has ended well.

    Args:
        header: what to write into the header beside the files; may grow within the block.
    """
    partial = final.with_name(f".{final.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        files = {
            path.relative_to(partial).as_posix(): {
                "bytes": path.stat().st_size,
                "sha256": sha256_of(path),
            }
            for path in sorted(partial.rglob("*"))
            if path.is_file()
        }
        text = json.dumps({**header, "files": files}, indent=1)
        (partial / HEADER_FILE).write_text(text, encoding="utf-8")
        publish(partial, final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_folder_header(directory: Path, *, format_version: str) -> dict[str, Any] | None:
    """The header of a folder, or None where there is none.

    Raises:
        InputError: it is damaged, or of another format.
    """
    path = directory / HEADER_FILE
    if not path.is_file():
        return None
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        version, files = header["format"], header["files"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} is damaged. {ADVICE}") from None
    if version != format_version or not isinstance(files, Mapping):
        raise InputError(
            f"{directory} was prepared in format {version}; this version reads {format_version}. "
            f"{ADVICE}"
        )
    return header


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


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def save_csr(path: Path, matrix: csr_matrix) -> None:
    """Three arrays, `path.indptr.npy` and so on."""
    for part in _CSR_PARTS:
        np.save(f"{path}.{part}.npy", getattr(matrix, part))


def load_csr(path: Path, width: int) -> csr_matrix:
    """What `save_csr` saved, as memory maps."""
    indptr, indices, data = (np.load(f"{path}.{part}.npy", mmap_mode="r") for part in _CSR_PARTS)
    return csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, width), copy=False)


def publish(partial: Path, final: Path) -> None:
    """Swap the finished folder in by renaming, never leaving a half-written one under `final`."""
    outdated = final.with_name(f".{final.name}.outdated")
    shutil.rmtree(outdated, ignore_errors=True)
    if final.exists():
        os.replace(final, outdated)
    os.replace(partial, final)
    shutil.rmtree(outdated, ignore_errors=True)

"""Files and folders that are complete or absent, whatever fails or is killed meanwhile.

Everything is written under another name, flushed to disk and renamed.

    write_file(directory / "run.json", text)          # a file whose content is at hand

    with published_file(path) as file:                # a large one, written bit by bit
        np.save(file, array)

    with published_folder(checkpoints / "step-12") as folder:
        ...                                           # write into `folder`

    write_version(models / "pizza", write)            # `write` fills models/pizza/1, then 2, ...

    recover(path)                                     # before a folder is looked for or read

Replacing a folder takes two renames: the old one moves aside, the new one takes its name. A process
that is killed between them leaves neither under the name, but the old one whole beside it, and
`recover` puts it back. Several processes may write the same folder at once: the last one stays.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file, replacing an older one whole; a text is written as UTF-8."""
    with published_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def published_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write into, which becomes `path` once the block has ended well."""
    partial = _partial(path)
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def published_folder(path: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `path` once the block has ended well.

    An older folder there is replaced whole; folders above it are made.
    """
    path = Path(os.path.abspath(path))  # "." and ".." have no name
    if not path.parent.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
    recover(path)
    partial, lock = _new_partial(path)
    try:
        yield partial
        for inner in (*partial.rglob("*"), partial):
            _flush(inner)
        _publish(partial, path)
    finally:
        os.close(lock)
        shutil.rmtree(partial, ignore_errors=True)


def write_version(directory: Path, write: Callable[[Path], None]) -> Path:
    """Have a folder written that becomes the next number in `directory`: 1, 2, and so on.

    No older version is touched, even if several processes write one at the same time.

    Args:
        directory: made if need be.
        write: is given an empty folder; if it fails, nothing is left of it.

    Returns:
        The new version's folder.
    """
    directory = Path(os.path.abspath(directory))
    directory.mkdir(parents=True, exist_ok=True)
    partial, lock = _new_partial(directory / "version")
    try:
        write(partial)
        for inner in (*partial.rglob("*"), partial):
            _flush(inner)
        version = directory / str(last_version(directory) + 1)
        while not _rename(partial, version):  # another process has just taken that number
            version = directory / str(last_version(directory) + 1)
        _flush(directory)
    finally:
        os.close(lock)
        shutil.rmtree(partial, ignore_errors=True)
    return version


def last_version(directory: Path) -> int:
    """The greatest number that names a folder in `directory`; 0 if there is none."""
    names = [path.name for path in directory.iterdir() if path.is_dir()]
    return max((int(name) for name in names if name.isdecimal()), default=0)


def recover(path: Path) -> None:
    """Put the folder `path` back, if a process was killed while it replaced it."""
    path = Path(os.path.abspath(path))
    if not path.exists() and _aside(path).is_dir():
        with suppress(FileNotFoundError):  # another process was faster
            _rename(_aside(path), path)


def recover_all(directory: Path) -> None:
    """Do `recover` for every folder in `directory`."""
    for aside in directory.glob(".*.aside"):
        recover(directory / aside.name.removeprefix(".").removesuffix(".aside"))


def _publish(partial: Path, path: Path) -> None:
    """Give the folder its name. What has the name `_aside` is always whole."""
    aside = _aside(path)
    while not _rename(partial, path):
        _remove(aside)
        with suppress(FileNotFoundError):
            _rename(path, aside)
    _flush(path.parent)
    _remove(aside)


def _rename(path: Path, new: Path) -> bool:
    """Rename a folder; false where there is a folder of that name which is not empty."""
    try:
        os.rename(path, new)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _remove(folder: Path) -> None:
    """Remove a folder, if it is there, so that no half of it is ever seen under its name."""
    partial = folder.with_name(f"{folder.name}.partial-{uuid.uuid4().hex}")
    with suppress(FileNotFoundError):
        os.rename(folder, partial)
        shutil.rmtree(partial, ignore_errors=True)


def _new_partial(path: Path) -> tuple[Path, int]:
    """A new folder beside `path`, and the open lock by which others see that this process lives."""
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(parent, wait=True)  # so that nobody comes between making a folder and locking it
        _remove_abandoned(path)
        partial = _partial(path)
        partial.mkdir()
        own = os.open(partial, os.O_RDONLY)
        _lock(own, wait=False)
        return partial, own
    finally:
        os.close(parent)


def _remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed have left half-written or half-removed."""
    for folder in path.parent.glob(f".{glob.escape(path.name)}.*partial-*"):
        with suppress(FileNotFoundError, NotADirectoryError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                if _lock(descriptor, wait=False):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def _lock(descriptor: int, *, wait: bool) -> bool:
    """Lock an open folder until it is closed; false if another process has, or nobody can."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # some network file systems have no locks: nothing is removed there
        return False
    return True


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial-{uuid.uuid4().hex}")


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.aside")


def _flush(path: Path) -> None:
    """Make the content of a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

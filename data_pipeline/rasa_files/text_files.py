"""Reads whole text files, with errors that say what is wrong with them."""

from __future__ import annotations

from pathlib import Path

from data_pipeline.errors import InputError


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without byte order mark, its lines ended by line feeds.

    Raises:
        InputError: the file is not UTF-8.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}:{line}: not UTF-8 text; received byte 0x{data[error.start]:02x}; "
            "save the file as UTF-8"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_elements(name: str, beside: Path, source: str) -> list[str]:
    """The elements of a lookup file, one a line; see `lookup_file`."""
    lines = read_text(lookup_file(name, beside, source)).splitlines()
    return [line.strip() for line in lines if line.strip()]


def lookup_file(name: str, beside: Path, source: str) -> Path:
    """The lookup file that the training file `beside` names.

    The name counts from the working directory, as in Rasa, where that is the project's root; or
    else from the folder of `beside`, or the nearest folder above it: one of these is that root.

    Raises:
        InputError: there is no such file.
    """
    for path in (Path(name), *(folder / name for folder in beside.absolute().parents)):
        if path.is_file():
            return path
    raise InputError(
        f"{source}: the lookup table names a file that does not exist; received {name!r}; "
        "correct the path or write the elements as a list with '- '"
    )

"""Reads files of word vectors: word2vec's or GloVe's text, or a `.npy` matrix and its vocabulary.

| file | form |
|---|---|
| word2vec text | first line `words width`, then one line per word: the word and its numbers |
| GloVe text | the same without the first line |
| `.npy` | `[words, width]`; a text file names the words, line by line |

A word may hold blanks (as some of GloVe's do) as long as none of its later parts is a number. If
it is there twice, its first vector counts.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.text_files import read_text
from data_pipeline.warnings_to_user import warn

MATRIX_SUFFIX = ".npy"
ROWS_CHECKED_AT_ONCE = 65_536


class WordVectors(NamedTuple):
    """Distinct words and `[words, width]` float32, perhaps memory-mapped."""

    words: Sequence[str]
    vectors: np.ndarray


def read_word_vectors(path: Path, vocabulary: Path | None = None) -> WordVectors:
    """The words and vectors of a file, of a `.npy` file with its `vocabulary`.

    Raises:
        InputError: a file is malformed, or the two do not fit together.
    """
    if vocabulary is None:
        return _read_text_vectors(path)
    words = _read_vocabulary(vocabulary)
    vectors = _read_matrix(path)
    if len(words) != len(vectors):
        raise InputError(
            f"{path}: has {len(vectors)} rows, but {vocabulary} names {len(words)} words; "
            "give the vocabulary that belongs to the matrix, one word a line"
        )
    return _distinct(words, vectors, path)


class _Header(NamedTuple):
    words: int
    width: int


def _read_text_vectors(path: Path) -> WordVectors:
    words: list[str] = []
    numbers = bytearray()
    header: _Header | None = None
    width = 0
    with path.open("rb") as file:
        for line_number, line in enumerate(file, start=1):
            line = line.removeprefix(codecs.BOM_UTF8) if line_number == 1 else line
            fields = line.split()  # at ASCII blanks only; others may be part of a word
            if not fields:
                continue
            if not width:
                header = _header(fields)
                width = header.width if header else len(fields) - 1
                if header:
                    continue
            word, vector = _parse(fields, width, f"{path}:{line_number}")
            words.append(word)
            numbers += vector.tobytes()
    if not words:
        raise InputError(f"{path}: holds no word vectors; write a word and its numbers per line")
    if header and header.words != len(words):
        raise InputError(
            f"{path}:1: announces {header.words} words; received {len(words)}; "
            "the file is incomplete, or its first line is wrong"
        )
    return _distinct(words, np.frombuffer(numbers, np.float32).reshape(-1, width), path)


def _header(fields: Sequence[bytes]) -> _Header | None:
    """What the first line announces, if it is `words width`."""
    if len(fields) == 2 and all(field.isdigit() for field in fields) and int(fields[1]):
        return _Header(*map(int, fields))
    return None


def _parse(fields: Sequence[bytes], width: int, source: str) -> tuple[str, np.ndarray]:
    """The word and the vector of a line."""
    parts = max(1, len(fields) - width)
    word = _decoded(b" ".join(fields[:parts]), source)
    if not width or len(fields) <= width or any(map(_is_number, fields[1:parts])):
        wanted = f"{width} numbers, as the file begins" if width else "its numbers"
        raise InputError(
            f"{source}: expected a word and {wanted}; received {len(fields) - 1} value(s) after "
            f"{word.split(' ')[0]!r}; correct the line or remove it"
        )
    try:
        with np.errstate(over="ignore"):
            vector = np.array([float(field) for field in fields[parts:]], np.float32)
    except ValueError:
        vector = np.array([np.nan])
    if not np.isfinite(vector).all():
        raise InputError(
            f"{source}: the vector of {word!r} must consist of finite numbers; "
            f"received {_first_bad(fields[parts:])!r}; correct the line or remove it"
        )
    return word, vector


def _decoded(word: bytes, source: str) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{source}: not UTF-8 text; received the word {word[:40]!r}; "
            "save the file as UTF-8 text (word2vec's binary form is not read)"
        ) from error


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _first_bad(fields: Sequence[bytes]) -> str:
    """The first field that is not a number float32 can hold."""
    limit = float(np.finfo(np.float32).max)
    bad = (f for f in fields if not (_is_number(f) and abs(float(f)) <= limit))
    return next(bad, fields[0]).decode("utf-8", "replace")


def _read_vocabulary(path: Path) -> list[str]:
    lines = read_text(path).split("\n")
    if not lines[-1]:
        lines.pop()
    words = [line.strip() for line in lines]
    if "" in words:
        raise InputError(
            f"{path}:{words.index('') + 1}: expected a word; received an empty line; "
            "each line names the word of one row of the matrix"
        )
    return words


def _read_matrix(path: Path) -> np.ndarray:
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InputError(
            f"{path}: not a whole .npy array ({error}); save it with numpy.save"
        ) from error
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu" or not matrix.size:
        raise InputError(
            f"{path}: must be a matrix of numbers, one row per word; "
            f"received {matrix.dtype} of shape {matrix.shape}; save such a matrix with numpy.save"
        )
    if matrix.dtype != np.float32:
        with np.errstate(over="ignore"):
            matrix = matrix.astype(np.float32)
    for start in range(0, len(matrix), ROWS_CHECKED_AT_ONCE):
        finite = np.isfinite(matrix[start : start + ROWS_CHECKED_AT_ONCE]).all(axis=1)
        if not finite.all():
            raise InputError(
                f"{path}: row {start + int(finite.argmin())} (counted from 0) holds values that "
                "are not finite numbers; correct the matrix"
            )
    return matrix


def _distinct(words: Sequence[str], vectors: np.ndarray, path: Path) -> WordVectors:
    first: dict[str, int] = {}
    for row, word in enumerate(words):
        first.setdefault(word, row)
    if len(first) == len(words):
        return WordVectors(words, vectors)
    warn(
        f"{path}: {len(words) - len(first)} word(s) are there more than once; the first vector of "
        "each is used"
    )
    return WordVectors(list(first), vectors[list(first.values())])

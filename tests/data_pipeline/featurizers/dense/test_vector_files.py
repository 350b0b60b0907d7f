"""Files of word vectors: their forms, and what is said about broken ones."""

from __future__ import annotations

import re

import numpy as np
import pytest

from data_pipeline.errors import InputError
from data_pipeline.featurizers.dense.vector_files import read_word_vectors

WORDS = ["hello", "Straße", "."]
VECTORS = np.array([[1, -2.5], [0, 0], [1e-3, 4]], np.float32)
LINES = "hello 1 -2.5\nStraße 0 0\n. 1e-3 4\n"


def read(folder, text, name="vectors.txt"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_word_vectors(path)


def read_matrix(folder, matrix, vocabulary):
    np.save(folder / "vectors.npy", matrix)
    (folder / "words.txt").write_text(vocabulary, encoding="utf-8")
    return read_word_vectors(folder / "vectors.npy", folder / "words.txt")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(LINES, id="GloVe"),
        pytest.param("3 2\n" + LINES, id="word2vec"),
        pytest.param("3 2\n" + LINES.replace("\n", " \n"), id="trailing blanks, as word2vec"),
        pytest.param("\ufeff3 2\r\n" + LINES.replace("\n", "\r\n"), id="from Windows"),
        pytest.param(LINES.replace(" ", "\t").rstrip("\n") + "\n\n\n", id="tabs, empty lines"),
        pytest.param(LINES.rstrip("\n"), id="no last line feed"),
    ],
)
def test_text_forms(tmp_path, text):
    words, vectors = read(tmp_path, text)
    assert list(words) == WORDS
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, VECTORS)


def test_words_may_hold_blanks_and_foreign_white_space(tmp_path):
    words, vectors = read(tmp_path, "a 1 2\n. . . 3 4\nx\u00a0y\u2028z\x85 5 6\n")
    assert list(words) == ["a", ". . .", "x\u00a0y\u2028z\x85"]
    assert vectors[:, 1].tolist() == [2, 4, 6]


def test_a_number_may_be_a_word(tmp_path):
    words, vectors = read(tmp_path, "1999 1 2\n7 3 4\n")
    assert list(words) == ["1999", "7"]
    assert vectors.tolist() == [[1, 2], [3, 4]]


def test_of_a_word_that_is_there_twice_the_first_vector_counts(tmp_path, caplog):
    words, vectors = read(tmp_path, "3 1\na 1\nb 2\na 3\n")
    assert list(words) == ["a", "b"]
    assert vectors.tolist() == [[1], [2]]
    assert "1 word(s) are there more than once" in caplog.text


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ">f8", np.int64])
def test_matrix_with_vocabulary(tmp_path, dtype):
    matrix = np.array([[1, -2], [0, 0], [3, 4]]).astype(dtype)
    words, vectors = read_matrix(tmp_path, matrix, "hello\nStraße\r\n.\n")
    assert list(words) == WORDS
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, matrix.astype(np.float32))


def test_float32_matrix_stays_on_disk(tmp_path):
    assert isinstance(read_matrix(tmp_path, VECTORS, "a\nb\nc").vectors, np.memmap)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "vectors.txt: holds no word vectors; write a word and its numbers per line"),
        ("2 3\n", "vectors.txt: holds no word vectors"),
        (
            "a 1 2\nb 1\n",
            "vectors.txt:2: expected a word and 2 numbers, as the file begins; received 1 value(s) "
            "after 'b'; correct the line or remove it",
        ),
        ("a 1 2\nb 1 2 3\n", "vectors.txt:2: expected a word and 2 numbers, as the file begins"),
        ("2 3\na 1 2\n", "vectors.txt:2: expected a word and 3 numbers"),
        ("1 2\na 1 2 3\n", "vectors.txt:2: expected a word and 2 numbers"),
        ("hello\nworld\n", "vectors.txt:1: expected a word and its numbers; received 0 value(s)"),
        (
            "a 1 2\nb 1 two\n",
            "vectors.txt:2: the vector of 'b' must consist of finite numbers; received 'two'; "
            "correct the line or remove it",
        ),
        ("a 1 2\n\nb nan 2\n", "vectors.txt:3: the vector of 'b' must consist of finite numbers"),
        (
            "a 1 1e39\n",
            "vectors.txt:1: the vector of 'a' must consist of finite numbers; received '1e39'",
        ),
        (
            "3 2\na 1 2\nb 3 4\n",
            "vectors.txt:1: announces 3 words; received 2; the file is incomplete, or its first "
            "line is wrong",
        ),
        ("1 2\na 1 2\nb 3 4\n", "vectors.txt:1: announces 1 words; received 2"),
        (
            b"2 2\na 1 2\n\xffb 1 2\n",
            "vectors.txt:3: not UTF-8 text; received the word b'\\xffb'; save the file as UTF-8 "
            "text (word2vec's binary form is not read)",
        ),
    ],
)
def test_malformed_text_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("matrix", "vocabulary", "message"),
    [
        (
            VECTORS,
            "a\nb\n",
            "vectors.npy: has 3 rows, but {folder}/words.txt names 2 words; give the vocabulary "
            "that belongs to the matrix, one word a line",
        ),
        (
            VECTORS,
            "a\n\nc\n",
            "words.txt:2: expected a word; received an empty line; each line names the word of one "
            "row of the matrix",
        ),
        (
            VECTORS[0],
            "a\nb",
            "vectors.npy: must be a matrix of numbers, one row per word; received float32 of shape "
            "(2,); save such a matrix with numpy.save",
        ),
        (np.array([["x"]]), "a", "vectors.npy: must be a matrix of numbers"),
        (np.zeros((1, 0)), "a", "vectors.npy: must be a matrix of numbers"),
        (
            np.array([[1.0], [np.inf]]),
            "a\nb",
            "vectors.npy: row 1 (counted from 0) holds values that are not finite numbers; correct "
            "the matrix",
        ),
        (np.array([[1e39]]), "a", "vectors.npy: row 0 (counted from 0) holds values"),
    ],
)
def test_malformed_matrix_is_refused(tmp_path, matrix, vocabulary, message):
    with pytest.raises(InputError, match=re.escape(message.format(folder=tmp_path))):
        read_matrix(tmp_path, matrix, vocabulary)


@pytest.mark.parametrize("content", [b"", b"hello 1 2\n", b"\x93NUMPY\x01\x00"])
def test_what_is_no_array_is_refused(tmp_path, content):
    (tmp_path / "vectors.npy").write_bytes(content)
    (tmp_path / "words.txt").write_text("a")
    with pytest.raises(InputError, match=r"vectors.npy: not a whole .npy array \(.*numpy.save"):
        read_word_vectors(tmp_path / "vectors.npy", tmp_path / "words.txt")


def test_truncated_matrix_is_refused(tmp_path):
    np.save(tmp_path / "vectors.npy", VECTORS)
    whole = (tmp_path / "vectors.npy").read_bytes()
    (tmp_path / "vectors.npy").write_bytes(whole[:-4])
    (tmp_path / "words.txt").write_text("a\nb\nc")
    with pytest.raises(InputError, match="vectors.npy: not a whole .npy array"):
        read_word_vectors(tmp_path / "vectors.npy", tmp_path / "words.txt")


def test_pickled_objects_are_not_loaded(tmp_path):
    np.save(tmp_path / "vectors.npy", np.array([[{}]]), allow_pickle=True)
    (tmp_path / "words.txt").write_text("a")
    with pytest.raises(InputError, match="not a whole .npy array"):
        read_word_vectors(tmp_path / "vectors.npy", tmp_path / "words.txt")

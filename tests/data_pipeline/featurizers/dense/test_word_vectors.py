"""The featurizer that looks tokens up in a file of word vectors."""

from __future__ import annotations

import re

import numpy as np
import pytest

from data_pipeline.errors import InputError
from data_pipeline.featurizers.dense.word_vectors import WordVectorsFeaturizer
from data_pipeline.messages.pipeline_components import build_featurizers

LINES = "hello 1 2\nParis 3 4\nparis 5 6\n"


def fitted(folder, **options):
    path = folder / "vectors.txt"
    path.write_text(LINES)
    featurizer = WordVectorsFeaturizer({"path": str(path), **options})
    featurizer.fit([])
    return featurizer


def test_exact_match_first_then_lower_case_then_zeros(tmp_path):
    featurizer = fitted(tmp_path)
    tokens = ["Paris", "paris", "PARIS", "Hello", "hellos"]
    vectors = featurizer.token_vectors(tokens)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[3, 4], [5, 6], [5, 6], [1, 2], [0, 0]]
    exact = fitted(tmp_path, lowercase=False).token_vectors(tokens)
    assert exact.tolist() == [[3, 4], [5, 6], [0, 0], [0, 0], [0, 0]]


def test_it_has_dense_features_only(tmp_path):
    featurizer = fitted(tmp_path)
    assert featurizer.dense_width == 2
    assert featurizer.sequence_width == featurizer.sentence_width == featurizer.label_width == 0
    assert featurizer.token_rows(["hello"]).shape == (1, 0)
    assert featurizer.token_vectors([]).shape == (0, 2)


def test_matrix_with_vocabulary(tmp_path):
    np.save(tmp_path / "v.npy", np.array([[1.0], [2.0]]))
    (tmp_path / "words.txt").write_text("a\nb\n")
    names = {"path": str(tmp_path / "v.npy"), "vocabulary": str(tmp_path / "words.txt")}
    featurizer = WordVectorsFeaturizer(names)
    assert [path.name for path in featurizer.source_files()] == ["v.npy", "words.txt"]
    featurizer.fit([])
    assert featurizer.token_vectors(["b", "a", "c"]).tolist() == [[2], [1], [0]]


def test_relative_path_counts_from_the_current_folder(tmp_path, monkeypatch):
    fitted(tmp_path)
    monkeypatch.chdir(tmp_path)
    featurizer = WordVectorsFeaturizer({"path": "vectors.txt"})
    featurizer.fit([])
    assert featurizer.dense_width == 2


def test_restored_featurizer_does_not_need_the_file(tmp_path):
    featurizer = fitted(tmp_path)
    (tmp_path / "vectors.txt").unlink()
    state = featurizer.state() | featurizer.arrays()
    restored = WordVectorsFeaturizer.restore(featurizer.options(), state)
    assert restored.options() == featurizer.options()
    assert restored.dense_width == 2
    assert restored.token_vectors(["Hello", "x"]).tolist() == [[1, 2], [0, 0]]


def test_component_of_a_pipeline():
    tokenizer = {"name": "WhitespaceTokenizer"}
    vectors = {"name": "WordVectorsFeaturizer", "path": "later.txt", "pooling": "max"}
    (featurizer,) = build_featurizers([tokenizer, {**vectors, "alias": "glove"}]).featurizers
    assert isinstance(featurizer, WordVectorsFeaturizer)
    assert (featurizer.alias, featurizer.pooling) == ("glove", "max")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "option 'path' is missing; name a file of word vectors"),
        ({"path": 3}, "option 'path' must be text; received 3"),
        ({"path": "v.txt", "pooling": "sum"}, "option 'pooling' must be one of 'mean', 'max'"),
        ({"path": "v.txt", "lowercase": 1}, "option 'lowercase' must be true or false"),
        ({"path": "v.txt", "vocab": "w"}, "unknown option 'vocab'; did you mean 'vocabulary'"),
        (
            {"path": "v.npy"},
            "a .npy file needs the option 'vocabulary'; received only path 'v.npy'; name a text "
            "file with a word per row",
        ),
        (
            {"path": "v.txt", "vocabulary": "w.txt"},
            "option 'vocabulary' belongs to a .npy file; received path 'v.txt'; remove "
            "'vocabulary' or correct 'path'",
        ),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(InputError, match=re.escape(f"WordVectorsFeaturizer: {message}")):
        WordVectorsFeaturizer(options)


@pytest.mark.parametrize("missing", ["path", "vocabulary"])
def test_missing_file_is_named(tmp_path, monkeypatch, missing):
    monkeypatch.chdir(tmp_path)
    names = {"path": "v.npy", "vocabulary": "w.txt"}
    for option, name in names.items():
        if option != missing:
            (tmp_path / name).touch()
    featurizer = WordVectorsFeaturizer(names)
    message = (
        f"WordVectorsFeaturizer: option '{missing}' names a file that does not exist; received "
        f"'{names[missing]}'; give an absolute path, or one from the current folder {tmp_path}"
    )
    for method in (featurizer.source_files, lambda: featurizer.fit([])):
        with pytest.raises(InputError, match=re.escape(message)):
            method()

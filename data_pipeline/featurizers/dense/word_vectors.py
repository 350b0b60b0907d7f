"""Looks tokens up in a file of word vectors: dense features beside the sparse ones."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.component_options import read_options
from data_pipeline.errors import InputError
from data_pipeline.featurizers.dense.vector_files import MATRIX_SUFFIX, read_word_vectors
from data_pipeline.featurizers.dense_features import Pooling
from data_pipeline.featurizers.featurizer import Featurizer

logger = logging.getLogger(__name__)

NAME = "WordVectorsFeaturizer"


@dataclass(frozen=True)
class WordVectorsOptions:
    """The options; this component is ours, Rasa has none of its name.

    Attributes:
        path: the file (see `vector_files`), absolute or from the current folder. It is only read
            when data is prepared; a run keeps the words and vectors in its own folder.
        vocabulary: the text file that names the rows, if `path` is a `.npy`.
        pooling: how the vectors of a text's tokens make the text's. Unknown tokens do not count.
        lowercase: whether a token that the file lacks as it stands is looked up in lower case.
        alias: what a model's `featurizers:` option calls it.
    """

    path: str = ""
    vocabulary: str | None = None
    pooling: Pooling = "mean"
    lowercase: bool = True
    alias: str | None = None


class WordVectorsFeaturizer(Featurizer):
    """The vector of each token, zeros for an unknown one; pooled for the text.

    Needs no package, unlike Rasa's dense featurizers (`SpacyFeaturizer` and the like). All words of
    the file are kept, so that words which training never saw have their vectors in answering too.

    >>> featurizer = WordVectorsFeaturizer({"path": "glove.6B.50d.txt"})
    >>> featurizer.fit([])                                              # doctest: +SKIP
    >>> featurizer.token_vectors(["Hello"]).shape                       # doctest: +SKIP
    (1, 50)
    """

    name = NAME

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Checks the options, without looking at the files (`InputError`)."""
        self._options = read_options(NAME, options or {}, WordVectorsOptions)
        if not self._options.path:
            raise InputError(f"{NAME}: option 'path' is missing; name a file of word vectors")
        is_matrix = Path(self._options.path).suffix == MATRIX_SUFFIX
        if is_matrix and not self._options.vocabulary:
            raise InputError(
                f"{NAME}: a {MATRIX_SUFFIX} file needs the option 'vocabulary'; "
                f"received only path {self._options.path!r}; name a text file with a word per row"
            )
        if self._options.vocabulary and not is_matrix:
            raise InputError(
                f"{NAME}: option 'vocabulary' belongs to a {MATRIX_SUFFIX} file; "
                f"received path {self._options.path!r}; remove 'vocabulary' or correct 'path'"
            )
        self.alias = self._options.alias or NAME
        self.pooling = self._options.pooling
        self._set(np.zeros(0, np.uint8), np.zeros((0, 0), np.float32))

    def options(self) -> dict[str, Any]:
        """The options."""
        return asdict(self._options)

    def source_files(self) -> list[Path]:
        """The file of vectors, and the vocabulary of a matrix."""
        names = {"path": self._options.path, "vocabulary": self._options.vocabulary}
        given = {option: Path(name) for option, name in names.items() if name}
        for option, path in given.items():
            if not path.is_file():
                raise InputError(
                    f"{NAME}: option {option!r} names a file that does not exist; "
                    f"received {str(path)!r}; give an absolute path, or one from the current "
                    f"folder {Path.cwd()}"
                )
        return list(given.values())

    def continue_from(self, earlier: WordVectorsFeaturizer) -> None:
        """There is nothing to add to: `fit` keeps all words of the file."""

    def fit(self, statistics: Iterable[None]) -> None:
        """Reads the file; nothing is learnt from messages.

        Raises:
            InputError: it does not exist or is malformed.
        """
        logger.info("Reading word vectors from %s.", self._options.path)
        words, vectors = read_word_vectors(*self.source_files())
        self._set(np.frombuffer("\n".join(words).encode(), np.uint8), vectors)

    def token_vectors(self, tokens: Sequence[str]) -> np.ndarray:
        """`[tokens, dense_width]`: exact match first, then lower case if wanted, then zeros."""
        rows = np.array([self._row(token) for token in tokens], np.int64)
        found = np.zeros((len(tokens), self.dense_width), np.float32)
        found[rows >= 0] = self._vectors[rows[rows >= 0]]
        return found

    def state(self) -> dict[str, Any]:
        """Nothing; see `arrays`."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """`words`, the bytes of the words in UTF-8, a line each; and their `vectors`."""
        return {"words": self._words, "vectors": self._vectors}

    @classmethod
    def restore(cls, options: Mapping[str, Any], state: Mapping[str, Any]) -> WordVectorsFeaturizer:
        """The featurizer with the words and vectors of `state`; the file is not needed."""
        featurizer = cls(options)
        featurizer._set(state["words"], state["vectors"])
        return featurizer

    def _set(self, words: np.ndarray, vectors: np.ndarray) -> None:
        self._words = words
        self._vectors = vectors
        self.dense_width = vectors.shape[1]
        self.__dict__.pop("_rows", None)

    @cached_property
    def _rows(self) -> dict[str, int]:
        """Where each word's vector is. Made when first needed: some uses never look one up."""
        words = self._words.tobytes().decode().split("\n")
        return {word: row for row, word in enumerate(words)}

    def _row(self, token: str) -> int:
        row = self._rows.get(token, -1)
        return self._rows.get(token.lower(), -1) if row < 0 and self._options.lowercase else row

"""Splits Chinese texts into words with Jieba, as Rasa's JiebaTokenizer does."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data_pipeline.component_options import read_options
from data_pipeline.errors import InputError
from data_pipeline.optional_packages import require_package
from data_pipeline.rasa_files.text_files import read_text
from data_pipeline.rasa_files.training_items import Token
from data_pipeline.tokenizers.tokenizer import Tokenizer, TokenizerOptions

NAME = "JiebaTokenizer"


@dataclass(frozen=True)
class JiebaOptions(TokenizerOptions):
    """Options of `rasa.nlu.tokenizers.jieba_tokenizer`.

    Attributes:
        dictionary_path: a folder of Jieba's user dictionaries (a word a line, perhaps with its
            frequency and part of speech). Read when data is prepared; a run keeps their content.
    """

    dictionary_path: str | None = None


class JiebaTokenizer(Tokenizer):
    """The words that Jieba finds, blanks and signs among them.

    Mirrors `rasa.nlu.tokenizers.jieba_tokenizer.JiebaTokenizer`; dictionaries are read in the order
    of their names.

    >>> JiebaTokenizer({"dictionary_path": "data/dictionaries"})         # doctest: +SKIP
    """

    name = NAME
    supported_languages = ("zh",)

    def __init__(
        self, options: Mapping[str, Any] | None = None, dictionaries: Sequence[str] | None = None
    ) -> None:
        """Checks the options (`InputError`); `dictionaries` are their contents, if known."""
        require_package(NAME, "jieba", "jieba")
        self._jieba_options = read_options(NAME, options or {}, JiebaOptions)
        super().__init__(self._jieba_options)
        self._dictionaries = dictionaries

    @classmethod
    def restore(cls, options: Mapping[str, Any], state: Mapping[str, Any]) -> JiebaTokenizer:
        """With the dictionaries of `state`; their files are not needed."""
        return cls(options, state["dictionaries"])

    def state(self) -> dict[str, Any]:
        """The contents of the dictionaries."""
        return {"dictionaries": list(self._contents)}

    def source_files(self) -> list[Path]:
        """The dictionaries."""
        folder = self._jieba_options.dictionary_path
        if folder is None:
            return []
        if not Path(folder).is_dir():
            raise InputError(
                f"{NAME}: option 'dictionary_path' must name a folder of dictionaries; "
                f"received {folder!r}; give an absolute path, or one from the current folder "
                f"{Path.cwd()}"
            )
        return sorted(path for path in Path(folder).iterdir() if path.is_file())

    def _split_all(self, texts: Sequence[str]) -> Iterable[Sequence[Token]]:
        return ([Token(*found) for found in self._jieba.tokenize(text)] for text in texts)

    @property
    def _contents(self) -> Sequence[str]:
        if self._dictionaries is None:
            self._dictionaries = [read_text(path) for path in self.source_files()]
        return self._dictionaries

    @cached_property
    def _jieba(self) -> Any:
        """A Jieba of our own: the module's one would keep the words of other dictionaries."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the package's age: old imports, old escapes
            import jieba
        jieba.setLogLevel(logging.WARNING)
        splitter = jieba.Tokenizer()
        for content in self._contents:
            splitter.load_userdict(io.StringIO(content))
        return splitter

    def __getstate__(self) -> dict[str, Any]:
        return {"options": self.options(), "dictionaries": self._contents}

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        made = type(self)(pickled["options"], pickled["dictionaries"])
        self.__dict__.update(made.__dict__)

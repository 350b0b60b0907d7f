"""What every tokenizer offers: the tokens of texts, and the words of names such as intents."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.training_items import Token


@dataclass(frozen=True)
class TokenizerOptions:
    """The options that all of Rasa's tokenizers have, with their defaults.

    Attributes:
        intent_tokenization_flag: whether names are split at `intent_split_symbol`.
        token_pattern: a regular expression whose matches within a token become the tokens.
        prefix_separator_symbol: where names are cut first, once.
    """

    intent_tokenization_flag: bool = False
    intent_split_symbol: str = "_"
    token_pattern: str | None = None
    prefix_separator_symbol: str | None = None


class Tokenizer(ABC):
    """Splits texts and names. A subclass says how a text is split.

    With one exception it is as in Rasa: the pieces into which `token_pattern` cuts a token count as
    themselves. In Rasa each piece keeps the lemma of the whole token, so that
    CountVectorsFeaturizer gives "new" and "york" both the features of "new-york".

    Attributes:
        name: the component's name in Rasa.
        supported_languages: the only ones it serves; None = all but `not_supported_languages`.
        tags_words: whether tokens have a part of speech.
    """

    name: str
    supported_languages: tuple[str, ...] | None = None
    not_supported_languages: tuple[str, ...] = ()
    tags_words: bool = False

    def __init__(self, options: TokenizerOptions) -> None:
        """Checks the options.

        Raises:
            InputError: `token_pattern` is not a pattern that yields words, or a symbol is empty.
        """
        self._options = options
        for key in ("intent_split_symbol", "prefix_separator_symbol"):
            if getattr(options, key) == "":
                raise InputError(
                    f"{self.name}: {key} must not be empty; received ''; give a character"
                )
        self._pattern = self._compiled(options.token_pattern) if options.token_pattern else None

    @classmethod
    @abstractmethod
    def restore(cls, options: Mapping[str, Any], state: Mapping[str, Any]) -> Tokenizer:
        """The tokenizer with these `options()` and this `state()` again."""

    def options(self) -> dict[str, Any]:
        """The options, JSON-able, in Rasa's names."""
        return asdict(self._options)

    def state(self) -> dict[str, Any]:
        """What answering needs beside the options, JSON-able."""
        return {}

    def source_files(self) -> list[Path]:
        """The files beside the training data that decide what tokens are.

        Raises:
            InputError: one of them does not exist.
        """
        return []

    def tokenize(self, text: str) -> tuple[Token, ...]:
        """The tokens of a text; an empty one has none."""
        return self.tokenize_all([text])[0]

    def tokenize_all(self, texts: Sequence[str]) -> list[tuple[Token, ...]]:
        """The tokens of each text."""
        return [tuple(self._pieces(tokens)) for tokens in self._split_all(texts)]

    @abstractmethod
    def _split_all(self, texts: Sequence[str]) -> Iterable[Sequence[Token]]:
        """The tokens of each text, before `token_pattern`."""

    def label_tokens(self, name: str) -> tuple[str, ...]:
        """The tokens of an intent name (`Tokenizer._split_name`)."""
        prefix_symbol = self._options.prefix_separator_symbol
        parts = name.split(prefix_symbol, maxsplit=1) if prefix_symbol else [name]
        if not name or not self._options.intent_tokenization_flag:
            return tuple(parts) if name else ()
        symbol = self._options.intent_split_symbol
        return tuple(word for part in parts for word in part.split(symbol))

    def _pieces(self, tokens: Sequence[Token]) -> Iterable[Token]:
        if self._pattern is None:
            return tokens
        return [piece for token in tokens for piece in self._pieces_of(token, self._pattern)]

    @staticmethod
    def _pieces_of(token: Token, pattern: re.Pattern[str]) -> list[Token]:
        # Where a match is, not where its text is first found: for "a\\b" that is not the same.
        spans = [match.span(pattern.groups) for match in pattern.finditer(token.text)]
        spans = [(start, end) for start, end in spans if start < end]
        if not spans or spans == [(0, len(token.text))]:
            return [token]
        return [
            Token(token.text[start:end], token.start + start, token.start + end, tag=token.tag)
            for start, end in spans
        ]

    def _compiled(self, pattern: str) -> re.Pattern[str]:
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise InputError(
                f"{self.name}: token_pattern is not a regular expression ({error}); received "
                rf"{pattern!r}; correct it, for example to (?u)\b\w+\b"
            ) from error
        if compiled.groups > 1:
            raise InputError(
                f"{self.name}: token_pattern must have at most one group; received {pattern!r}; "
                "write groups that are not wanted as (?:...)"
            )
        return compiled


def located(words: Sequence[str], text: str) -> list[Token]:
    """Finds the words in the text, each behind the one before."""
    tokens: list[Token] = []
    end = 0
    for word in words:
        start = text.index(word, end)
        end = start + len(word)
        tokens.append(Token(word, start, end))
    return tokens

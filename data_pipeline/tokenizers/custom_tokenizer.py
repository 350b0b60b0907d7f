"""A tokenizer that is not ours: it says where tokens are, the rest is as with Rasa's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

from data_pipeline.component_options import read_options
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.training_items import Token
from data_pipeline.tokenizers.tokenizer import Tokenizer, TokenizerOptions

Span = tuple[int, int]


class SplitsText(Protocol):
    """What a tokenizer of one's own has to be; see docs/custom_components.md."""

    def tokenize(self, text: str) -> Sequence[Span | Token]:
        """`[start, end)` of each token in characters of the text, from left to right."""


class CustomTokenizer(Tokenizer):
    """Wraps an object that has `tokenize`.

    Attributes:
        name: the whole path of its class.
    """

    def __init__(
        self, name: str, component: Any, make: Callable[[dict[str, Any]], SplitsText], options: Any
    ) -> None:
        """Makes the object from the options that are not those of all tokenizers.

        Raises:
            InputError: it cannot be made so.
        """
        self.name = name
        shared = {field.name for field in fields(TokenizerOptions)}
        super().__init__(
            read_options(name, {k: v for k, v in options.items() if k in shared}, TokenizerOptions)
        )
        self._component = component
        self._own_options = {k: v for k, v in options.items() if k not in shared}
        self._make = make
        self._splitter = make(self._own_options)

    @classmethod
    def restore(cls, options: Mapping[str, Any], state: Mapping[str, Any]) -> Tokenizer:
        """Is done where classes are found by their paths."""
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        """Those of all tokenizers, and its own."""
        return {**super().options(), **self._own_options}

    def source_files(self) -> list[Path]:
        """The file of its class."""
        return source_of(self._component)

    def _split_all(self, texts: Sequence[str]) -> Iterable[Sequence[Token]]:
        return map(self._split, texts)

    def _split(self, text: str) -> list[Token]:
        if not text:
            return []
        tokens, end = [], 0
        for found in self._splitter.tokenize(text):
            token = found if isinstance(found, Token) else self._token(found, text)
            if not end <= token.start < token.end <= len(text):
                raise self._bad_span((token.start, token.end), text)
            tokens.append(token)
            end = token.end
        return tokens

    def _token(self, span: Any, text: str) -> Token:
        try:
            start, end = map(int, span)
        except (TypeError, ValueError):
            raise self._bad_span(span, text) from None
        return Token(text[start:end], start, end)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_splitter": None}

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        """In another process it is made anew: it may hold what cannot be sent there."""
        self.__dict__.update(pickled, _splitter=pickled["_make"](pickled["_own_options"]))

    def _bad_span(self, span: Any, text: str) -> InputError:
        return InputError(
            f"{self.name}: tokenize must give pairs (start, end) within the text, from left to "
            f"right and not empty; received {span!r} of {text!r}; correct the component"
        )


def source_of(component: Any) -> list[Path]:
    """The file that a class is written in."""
    path = inspect.getsourcefile(component)
    return [Path(path)] if path else []

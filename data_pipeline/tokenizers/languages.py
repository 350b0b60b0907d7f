"""Which tokenizer serves which language; as in Rasa, another one is refused."""

from __future__ import annotations

from data_pipeline.errors import InputError
from data_pipeline.tokenizers.tokenizer import Tokenizer

WITHOUT_BLANKS = {"zh": "JiebaTokenizer", "ja": "SpacyTokenizer", "th": "SpacyTokenizer"}
"""Languages that do not divide words by blanks, and a tokenizer that serves them."""


def check_language(kind: type[Tokenizer], language: str | None) -> None:
    """Refuse a tokenizer for a language that it does not serve; None = the language is not known.

    Mirrors `rasa.engine.validation._validate_supported_languages`.

    Raises:
        InputError: says which tokenizer to use instead, or which languages it serves.
    """
    only, never = kind.supported_languages, kind.not_supported_languages
    if not language or (language not in never if only is None else language in only):
        return
    advice = f"use {advised_tokenizer(language)}"
    if only is not None:
        advice += f" ({kind.name} serves {', '.join(only)} only)"
    raise InputError(
        f"pipeline: {kind.name} does not serve the language {language!r} that 'language:' names; "
        f"{advice}, or correct 'language:'"
    )


def advised_tokenizer(language: str | None) -> str:
    """The name of a tokenizer that serves the language.

    >>> advised_tokenizer("zh")
    'JiebaTokenizer'
    """
    return WITHOUT_BLANKS.get(language or "", "WhitespaceTokenizer")

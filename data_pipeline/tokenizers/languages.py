"""Which tokenizer serves which language; as in Rasa, another one is refused."""

from __future__ import annotations

from collections.abc import Sequence

from data_pipeline.errors import InputError

WITHOUT_BLANKS = {"zh": "JiebaTokenizer", "ja": "SpacyTokenizer", "th": "SpacyTokenizer"}
"""Languages that do not divide words by blanks, and a tokenizer that serves them."""


def check_language(
    name: str, only: Sequence[str] | None, never: Sequence[str] | None, language: str | None
) -> None:
    """Refuse a component for a language that it does not serve; None = the language is not known.

    Mirrors `rasa.engine.validation._validate_supported_languages`.

    Args:
        only: the languages that the component serves; None = all.
        never: those that it does not serve.

    Raises:
        InputError: says which tokenizer to use instead, or which languages it serves.
    """
    if not language or (language in only if only is not None else language not in (never or ())):
        return
    advice = f"use {advised_tokenizer(language)}"
    if only is not None:
        advice += f" ({name} serves {', '.join(only)} only)"
    raise InputError(
        f"pipeline: {name} does not serve the language {language!r} that 'language:' names; "
        f"{advice}, or correct 'language:'"
    )


def advised_tokenizer(language: str | None) -> str:
    """The name of a tokenizer that serves the language.

    >>> advised_tokenizer("zh")
    'JiebaTokenizer'
    """
    return WITHOUT_BLANKS.get(language or "", "WhitespaceTokenizer")

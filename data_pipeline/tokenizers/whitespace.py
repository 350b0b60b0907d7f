"""Splits texts and intent names into tokens, exactly as Rasa's WhitespaceTokenizer does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import regex

from data_pipeline.rasa_files.training_items import Token
from data_pipeline.tokenizers.tokenizer import Tokenizer, TokenizerOptions, located

NAME = "WhitespaceTokenizer"

# Rasa compiles its rules with the `regex` package, whose `\w` follows a newer Unicode than `re`.
SEPARATOR = regex.compile(
    r"""
      [^\w\#@&]+ (?= \s | $ )                        # signs at the end of a word
    | (?: \s | ^ ) [^\w\#@&]+ (?= [^0-9\s] )         # signs before a word, unless a digit follows
    | (?<= [^0-9\s] ) [^\w._~:/?\#\[\]()@!$&*+,;=-]+ (?= [^0-9\s] )   # signs inside, not of a URL
    """,
    regex.VERBOSE,
)
# Where none of these stands, SEPARATOR can only match white space.
SIGN = regex.compile(r"[^\w\s#@&]")

# As in `rasa.utils.io.get_emoji_regex`. The range from U+24C2 also takes kana, CJK and more.
EMOJI_ONLY = re.compile(
    "[\U0001f600-\U0001f64f\U0001f300-\U0001f5ff\U0001f680-\U0001f6ff\U0001f1e0-\U0001f1ff"
    "\u2702-\u27b0\u24c2-\U0001f251\u200d\u200c]+"
)


class WhitespaceTokenizer(Tokenizer):
    """Splits at white space and at signs that are no part of a word.

    Mirrors `rasa.nlu.tokenizers.whitespace_tokenizer.WhitespaceTokenizer`. A text of separators
    only is one token. A token stands where it was found; Rasa searches the text for it afterwards,
    and in ".あ^.あ", of which the first "あ" is dropped as an emoji, hits an equal one before it.

        >>> [token.text for token in WhitespaceTokenizer().tokenize("hello, world!")]
        ['hello', 'world']
    """

    name = NAME
    not_supported_languages = ("zh", "ja", "th")

    def __init__(
        self,
        intent_tokenization_flag: bool = False,
        intent_split_symbol: str = "_",
        token_pattern: str | None = None,
        prefix_separator_symbol: str | None = None,
    ) -> None:
        """Checks the options (`InputError`)."""
        super().__init__(
            TokenizerOptions(
                intent_tokenization_flag,
                intent_split_symbol,
                token_pattern,
                prefix_separator_symbol,
            )
        )

    @classmethod
    def restore(cls, options: Mapping[str, Any], state: Mapping[str, Any]) -> WhitespaceTokenizer:
        """There is no state."""
        return cls(**options)

    def _split_all(self, texts: Sequence[str]) -> Iterable[Sequence[Token]]:
        return map(_split, texts)


def _split(text: str) -> list[Token]:
    if not text:
        return []
    words = (SEPARATOR.sub(" ", text) if SIGN.search(text) else text).split()
    tokens = located(words, text)
    if not text.isascii():
        tokens = [token for token in tokens if not EMOJI_ONLY.fullmatch(token.text)]
    return tokens or [Token(text, 0, len(text))]

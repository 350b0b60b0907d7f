"""Splits texts and intent names into tokens, exactly as Rasa's WhitespaceTokenizer does."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

import regex

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.training_items import Token

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


@dataclass(frozen=True, slots=True)
class WhitespaceTokenizerOptions:
    """Options of `rasa.nlu.tokenizers.whitespace_tokenizer`, with its defaults."""

    intent_tokenization_flag: bool = False
    intent_split_symbol: str = "_"
    token_pattern: str | None = None
    prefix_separator_symbol: str | None = None


class WhitespaceTokenizer:
    """Tokenizes texts and names.

    Mirrors `rasa.nlu.tokenizers.whitespace_tokenizer.WhitespaceTokenizer` with one exception: the
    pieces into which `token_pattern` cuts a word count as themselves. In Rasa each piece keeps the
    whole word as its lemma, so that CountVectorsFeaturizer gives "new" and "york" both the features
    of "new-york".

        >>> [token.text for token in WhitespaceTokenizer().tokenize("hello, world!")]
        ['hello', 'world']
    """

    def __init__(
        self,
        intent_tokenization_flag: bool = False,
        intent_split_symbol: str = "_",
        token_pattern: str | None = None,
        prefix_separator_symbol: str | None = None,
    ) -> None:
        """Checks the options.

        Raises:
            InputError: `token_pattern` is not a pattern that yields words, or a symbol is empty.
        """
        self._options = WhitespaceTokenizerOptions(
            intent_tokenization_flag, intent_split_symbol, token_pattern, prefix_separator_symbol
        )
        for key in ("intent_split_symbol", "prefix_separator_symbol"):
            if getattr(self._options, key) == "":
                raise InputError(f"{NAME}: {key} must not be empty; received ''; give a character")
        self._pattern = _compiled(token_pattern) if token_pattern else None

    def options(self) -> dict[str, object]:
        """The keyword arguments that make an equal tokenizer."""
        return asdict(self._options)

    def tokenize(self, text: str) -> tuple[Token, ...]:
        """The tokens of a text; a text of separators only is one token, an empty one has none."""
        if not text:
            return ()
        words = (SEPARATOR.sub(" ", text) if SIGN.search(text) else text).split()
        if not text.isascii():
            words = [word for word in words if not EMOJI_ONLY.fullmatch(word)]
        tokens = _located(words or [text], text)
        if self._pattern is None:
            return tuple(tokens)
        return tuple(piece for token in tokens for piece in self._pieces(token))

    def label_tokens(self, name: str) -> tuple[str, ...]:
        """The tokens of an intent name (`Tokenizer._split_name`)."""
        prefix_symbol = self._options.prefix_separator_symbol
        parts = name.split(prefix_symbol, maxsplit=1) if prefix_symbol else [name]
        if not name or not self._options.intent_tokenization_flag:
            return tuple(parts) if name else ()
        symbol = self._options.intent_split_symbol
        return tuple(word for part in parts for word in part.split(symbol))

    def _pieces(self, token: Token) -> list[Token]:
        words = [word for word in self._pattern.findall(token.text) if word]
        if not words:
            return [token]
        return _located(words, token.text, token.start)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"{NAME}: token_pattern is not a regular expression ({error}); received {pattern!r}; "
            r"correct it, for example to (?u)\b\w+\b"
        ) from error
    if compiled.groups > 1:
        raise InputError(
            f"{NAME}: token_pattern must have at most one group; received {pattern!r}; "
            "write groups that are not wanted as (?:...)"
        )
    return compiled


def _located(words: list[str], text: str, offset: int = 0) -> list[Token]:
    """Finds the words in the text, each behind the one before."""
    tokens: list[Token] = []
    end = 0
    for word in words:
        start = text.index(word, end)
        end = start + len(word)
        tokens.append(Token(word, offset + start, offset + end))
    return tokens

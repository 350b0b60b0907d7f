"""What Python says about every Unicode character, frozen into tables that a graph looks up."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntFlag, auto
from functools import cache

import numpy as np
import regex
import tensorflow as tf

from data_pipeline.text_graph.strings.lines import END
from data_pipeline.tokenizers.whitespace import EMOJI_ONLY

CODE_POINTS = 0x110000
PAGE_BITS = 7
PAGE = 1 << PAGE_BITS
SIGMA = "Σ"


class Kind(IntFlag):
    """Kinds of characters, of which one may have several. `END` is white space."""

    SPACE = auto()  # where `str.split` splits; it is also `\s` of `re`
    BLANK = auto()  # `\s` of `regex`
    KEPT = auto()  # what the tokenizer never removes
    URL = auto()  # what the tokenizer's third rule leaves alone
    DECIMAL = auto()  # 0 to 9
    EMOJI = auto()  # what words consist of that the tokenizer drops
    WORD = auto()  # `\w` of `re`
    LOWER = auto()  # as `str.islower`, `str.isupper`, `str.istitle`, `str.isdigit` see it
    UPPER = auto()
    TITLE = auto()
    DIGIT = auto()
    CASED = auto()  # what `str.lower` looks at around a capital sigma
    CASE_IGNORABLE = auto()


class CharacterTable(tf.Module):
    """A number for every code point. Equal pages of the table are stored once.

    >>> CharacterTable(np.arange(CODE_POINTS) % 2)(tf.constant([64, 65])).numpy().tolist()
    [0, 1]
    """

    def __init__(self, numbers: np.ndarray) -> None:
        """Takes the numbers, `[CODE_POINTS]` int32."""
        super().__init__()
        starts: dict[bytes, int] = {}
        pages = [page.tobytes() for page in numbers.astype(np.int32).reshape(-1, PAGE)]
        page_starts = [starts.setdefault(page, len(starts) * PAGE) for page in pages]
        self._numbers = tf.constant(np.frombuffer(b"".join(starts), np.int32))
        self._page_starts = tf.constant(page_starts, tf.int32)

    def __call__(self, codes: tf.Tensor) -> tf.Tensor:
        """The numbers of int32 code points, of any shape."""
        starts = tf.gather(self._page_starts, tf.bitwise.right_shift(codes, PAGE_BITS))
        return tf.gather(self._numbers, starts + tf.bitwise.bitwise_and(codes, PAGE - 1))


@cache
def all_characters() -> str:
    """Every code point in order, so that the places of a pattern's matches are code points."""
    return "".join(map(chr, range(CODE_POINTS)))


def characters_like(pattern: re.Pattern[str] | regex.Pattern[str]) -> np.ndarray:
    """`[CODE_POINTS]` bool: which characters the pattern matches; it takes runs of them, by `+`."""
    found = np.zeros(CODE_POINTS, bool)
    for match in pattern.finditer(all_characters()):
        found[match.start() : match.end()] = True
    return found


def characters_that(predicate: Callable[[str], object]) -> np.ndarray:
    """`[CODE_POINTS]` bool: for which characters the predicate holds."""
    return np.fromiter(map(bool, map(predicate, all_characters())), bool, CODE_POINTS)


@cache
def kinds_of_characters() -> np.ndarray:
    """`[CODE_POINTS]` int32: the `Kind` of every code point."""
    cased = characters_that(lambda c: (c + SIGMA).lower()[-1] != SIGMA.lower())
    seen_through = characters_that(lambda c: ("a" + c + SIGMA).lower()[-1] != SIGMA.lower())
    upper = characters_that(str.isupper)
    members = {
        Kind.SPACE: characters_that(str.isspace),
        # The next three are the classes of `whitespace.SEPARATOR`.
        Kind.BLANK: characters_like(regex.compile(r"\s+")),
        Kind.KEPT: characters_like(regex.compile(r"[\w#@&]+")),
        Kind.URL: characters_like(regex.compile(r"[\w._~:/?\#\[\]()@!$&*+,;=-]+")),
        Kind.DECIMAL: characters_like(re.compile(r"[0-9]+")),
        Kind.EMOJI: characters_like(EMOJI_ONLY),
        Kind.WORD: characters_like(re.compile(r"\w+")),
        Kind.LOWER: characters_that(str.islower),
        Kind.UPPER: upper,
        Kind.TITLE: characters_that(str.istitle) & ~upper,
        Kind.DIGIT: characters_that(str.isdigit),
        Kind.CASED: cased,
        # A cased character also shows through as such; `str.lower` sees an ignorable one first.
        Kind.CASE_IGNORABLE: seen_through & ~cased,
    }
    kinds = sum(flags.astype(np.int32) * kind for kind, flags in members.items())
    kinds[END] = Kind.SPACE | Kind.BLANK
    return kinds


class Kinds(tf.Module):
    """Looks up what kinds of characters code points are."""

    def __init__(self) -> None:
        super().__init__()
        self._table = CharacterTable(kinds_of_characters())

    def __call__(self, codes: tf.Tensor) -> tf.Tensor:
        """The kinds of int32 code points, of any shape; see `is_kind`."""
        return self._table(codes)


def is_kind(kinds: tf.Tensor, kind: Kind) -> tf.Tensor:
    """Where `kinds` has at least one of the kinds of `kind`; bool of the same shape."""
    return tf.not_equal(tf.bitwise.bitwise_and(kinds, int(kind)), 0)

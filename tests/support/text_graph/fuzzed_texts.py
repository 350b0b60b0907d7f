"""Strings to try the text graph on: drawn from all of Unicode, with what makes trouble in it.

Drawing them takes hypothesis far longer than the graph and Python take to featurize them, so it
draws what texts are made of, and many texts are put together of the same parts.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

SHARED_DATA = Path(
    os.environ.get("SHARED_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")
)

FUZZED_STRINGS = int(os.environ.get("FUZZED_STRINGS", 200))
"""How many strings each property test tries: FUZZED_STRINGS=10000 for the thorough run."""

STRINGS_AT_ONCE = max(50, FUZZED_STRINGS // 50)
PARTS_AT_ONCE = 60
MOST_PARTS = 12

thoroughly = settings(
    max_examples=max(1, FUZZED_STRINGS // 20),
    deadline=None,
    derandomize="FUZZED_STRINGS" not in os.environ,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # `Comparison.check` names the string by itself
    suppress_health_check=[*HealthCheck],
)
many_at_once = settings(thoroughly, max_examples=max(1, FUZZED_STRINGS // STRINGS_AT_ONCE))
"""Of tests whose every example is `STRINGS_AT_ONCE` texts."""

ALPHABETS = (
    "abcdefghij",
    "ABCxyzİIıĞğŞşÇ",
    "ΑΒΣσςάὈΐΰῼᾳ",
    "0123456789٣²½Ⅷ",
    "😀🇩🇪👍🏽\u200d\ufe0f✂☎❤",
    "ae\u0301\u0308\u0345\u0327\u0303ñé",
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2003\u2028\u3000\u180e\u200b",
    "._~:/?#[]()@!$&*+,;=-'\"^<>|%{}`\\",
    "あアー漢字한ㄱก้",
    "ǅǆǄﬃßẞʰⅷⒶⓐ\u00a8",
    "\x00\x01\x7f\ufeff\ufffd\U0010ffff\ue000",
)
WHOLE_WORDS = (
    *("http://www.Example.com/a?b=1&c=2", "e-mail@example.org", "don't", "new-york", "12:30"),
    *("AB1234", "12345", "a.b.c", "ΟΔΟΣ", "ΟΔΟΣ.", "İstanbul", "STRASSE", "#tag", "@me", "3.14"),
    *("1,000", "x_1", "__NUMBER__", ".あ^.あ", "Σ", "ΣΣ", "5 - -6", "a^.^b", "K", "ſ"),
)


SEPARATORS = (" ", " ", "  ", "\n", "-", ".", "^")


def fuzzed_texts(
    words: Iterable[str] = (), count: int = STRINGS_AT_ONCE
) -> st.SearchStrategy[list[str]]:
    """Lists of so many strings: words that are known among all of Unicode, joined in many ways."""
    known = [*WHOLE_WORDS, *words]
    of_an_alphabet = st.sampled_from(ALPHABETS).flatmap(lambda some: st.text(some, max_size=6))
    of_all = st.text(st.characters(codec="utf-8"), max_size=4)
    drawn = st.lists(of_an_alphabet | of_all, min_size=PARTS_AT_ONCE, max_size=PARTS_AT_ONCE)

    def texts(parts: list[str], seed: int) -> list[str]:
        generator = random.Random(seed)
        kinds = (known, parts, parts, SEPARATORS)
        lengths = [generator.randint(0, MOST_PARTS) for _ in range(count)]
        return [
            "".join(generator.choice(generator.choice(kinds)) for _ in range(length))
            for length in lengths
        ]

    return st.builds(texts, drawn, st.integers(0, 2**32 - 1))

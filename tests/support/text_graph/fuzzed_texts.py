"""Strings to try the text graph on: drawn from all of Unicode, with what makes trouble in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

SHARED_DATA = Path(
    os.environ.get("SHARED_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")
)

FUZZED_STRINGS = int(os.environ.get("FUZZED_STRINGS", 200))
"""How many strings each property test tries: FUZZED_STRINGS=10000 for the thorough run."""

STRINGS_AT_ONCE = 20

thoroughly = settings(
    max_examples=max(1, FUZZED_STRINGS // STRINGS_AT_ONCE),
    deadline=None,
    derandomize="FUZZED_STRINGS" not in os.environ,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # `Comparison.check` names the string by itself
    suppress_health_check=[*HealthCheck],
)

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


def fuzzed_texts(words: Iterable[str] = ()) -> st.SearchStrategy[list[str]]:
    """Lists of strings: words that are known among all of Unicode, joined in many ways."""
    parts = st.one_of(
        st.sampled_from([*WHOLE_WORDS, *words]),
        st.sampled_from(ALPHABETS).flatmap(lambda letters: st.text(letters, max_size=6)),
        st.text(st.characters(codec="utf-8"), max_size=4),
        st.sampled_from([" ", " ", "  ", "\n", "-", ".", "^"]),
    )
    text = st.lists(parts, max_size=12).map("".join)
    return st.lists(text, min_size=STRINGS_AT_ONCE, max_size=STRINGS_AT_ONCE)

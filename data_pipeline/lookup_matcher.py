"""Finds the elements of a lookup table in a text, in time that hardly grows with the table."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator

WORD_BOUNDARY = re.compile(r"\b")


class Span(tuple):
    """`(start, end)` of a match, with the one method of `re.Match` that is needed."""

    __slots__ = ()

    def span(self) -> tuple[int, int]:
        return self[0], self[1]


class LookupMatcher:
    r"""Matches what the pattern `(\ba\b|\bb\b)` of the elements `a`, `b` would match.

    Rasa compiles a table into such a pattern (`pattern_utils._generate_lookup_regex`), which `re`
    tries element by element at every position: minutes per thousand messages with 100,000 elements.
    Here the candidate spans of the text are looked up in a dictionary. As with the pattern, matches
    do not overlap and where several elements match at a position the first in the table wins.
    """

    def __init__(
        self, elements: Iterable[str], *, case_sensitive: bool, word_boundaries: bool
    ) -> None:
        self._case_sensitive = case_sensitive
        self._word_boundaries = word_boundaries
        self._ranks: dict[str, int] = {}
        lengths: dict[str, set[int]] = defaultdict(set)
        for element in map(self._folded, filter(None, elements)):
            self._ranks.setdefault(element, len(self._ranks))
            lengths[element[0]].add(len(element))
        self._lengths = {first: sorted(found) for first, found in lengths.items()}

    def finditer(self, text: str) -> Iterator[Span]:
        """The matches from left to right, as `re.Pattern.finditer` gives them."""
        folded = self._folded(text)
        if self._word_boundaries:
            starts: Iterable[int] = [match.start() for match in WORD_BOUNDARY.finditer(text)]
        else:
            starts = range(len(text))
        borders = list(starts)
        end = 0
        for start in borders:
            if start >= end and start < len(text):
                match_end = self._match_at(folded, start, borders)
                if match_end:
                    yield Span((start, match_end))
                    end = match_end

    def _match_at(self, text: str, start: int, borders: list[int]) -> int:
        """The end of the match that begins at `start`, or 0."""
        lengths = self._lengths.get(text[start])
        if not lengths:
            return 0
        if self._word_boundaries:
            low = bisect_left(borders, start + lengths[0])
            high = bisect_right(borders, start + lengths[-1])
            ends: Iterable[int] = borders[low:high]
        else:
            ends = [start + length for length in lengths]
        found = [
            (rank, end) for end in ends if (rank := self._ranks.get(text[start:end])) is not None
        ]
        return min(found)[1] if found else 0

    def _folded(self, text: str) -> str:
        """Equal for texts that `re.IGNORECASE` takes for equal; keeps the length."""
        if self._case_sensitive:
            return text
        if text.isascii():
            return text.lower()
        return "".join(map(_folded_character, text))


def _folded_character(character: str) -> str:
    upper = character.upper()
    folded = (upper if len(upper) == 1 else character).lower()
    return folded if len(folded) == 1 else character

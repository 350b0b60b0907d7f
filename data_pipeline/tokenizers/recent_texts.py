"""Keeps what was made of recent texts, where making it is slow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

Made = TypeVar("Made")


class RecentTexts(Generic[Made]):
    """Makes something of texts in batches, and of each text once as long as it is remembered.

    >>> lengths = RecentTexts(lambda texts: [len(text) for text in texts], limit=100)
    >>> lengths.of(["a", "bb", "a"])
    [1, 2, 1]
    """

    def __init__(self, make: Callable[[list[str]], Iterable[Made]], limit: int) -> None:
        """`make` gets distinct texts; `limit` is how many are remembered."""
        self._make = make
        self._limit = limit
        self._kept: dict[str, Made] = {}

    def of(self, texts: Sequence[str]) -> list[Made]:
        """What `make` gives for each text."""
        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        made = dict(zip(new, self._make(new), strict=True)) if new else {}
        result = [made[text] if text in made else self._kept[text] for text in texts]
        self._kept |= made
        for text in list(self._kept)[: max(0, len(self._kept) - self._limit)]:
            del self._kept[text]
        return result

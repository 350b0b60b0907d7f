"""Keeps what was made lately of texts and the like, where making it is slow."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


class Remembered(Generic[Key, Made]):
    """Makes something of keys in batches, and of each key once as long as it is remembered.

    >>> lengths = Remembered(lambda texts: [len(text) for text in texts], limit=100)
    >>> lengths.of(["a", "bb", "a"])
    [1, 2, 1]
    """

    def __init__(self, make: Callable[[list[Key]], Iterable[Made]], limit: int) -> None:
        """`make` gets distinct keys; `limit` is how many are remembered, the latest ones."""
        self._make = make
        self._limit = limit
        self._kept: dict[Key, Made] = {}

    def of(self, keys: Sequence[Key]) -> list[Made]:
        """What `make` gives for each key."""
        new = [key for key in dict.fromkeys(keys) if key not in self._kept]
        made = dict(zip(new, self._make(new), strict=True)) if new else {}
        result = [made[key] if key in made else self._kept[key] for key in keys]
        self._kept |= made
        for key in list(self._kept)[: max(0, len(self._kept) - self._limit)]:
            del self._kept[key]
        return result

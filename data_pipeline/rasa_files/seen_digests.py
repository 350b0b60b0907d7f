"""Which digests have been seen before, of a million things and more."""

from __future__ import annotations

import struct

import numpy as np

DIGEST_BYTES = 16
RECENT = 2**16
_HALVES = struct.Struct("=QQ")


class SeenDigests:
    """Remembers digests of `DIGEST_BYTES`, in as many bytes each.

    Python's own set takes seven times as much. The latest ones are in such a set, the others in
    arrays, sorted by their first half.

    >>> seen = SeenDigests()
    >>> seen.add(b"sixteen bytes..."), seen.add(b"sixteen bytes...")
    (True, False)
    """

    def __init__(self) -> None:
        self._recent: set[bytes] = set()
        self._first = np.zeros(0, np.uint64)
        self._second = np.zeros(0, np.uint64)

    def add(self, digest: bytes) -> bool:
        """Remember it; whether it was new."""
        if digest in self._recent or self._is_older(digest):
            return False
        self._recent.add(digest)
        if len(self._recent) == RECENT:
            self._settle()
        return True

    def _is_older(self, digest: bytes) -> bool:
        first, second = map(np.uint64, _HALVES.unpack(digest))
        place = int(self._first.searchsorted(first))
        while place < len(self._first) and self._first[place] == first:
            if self._second[place] == second:
                return True
            place += 1
        return False

    def _settle(self) -> None:
        """The recent ones become older ones."""
        recent = np.frombuffer(b"".join(self._recent), np.uint64).reshape(-1, 2)
        first = np.concatenate([self._first, recent[:, 0]])
        second = np.concatenate([self._second, recent[:, 1]])
        order = np.argsort(first, kind="stable")
        self._first, self._second = first[order], second[order]
        self._recent = set()

"""Which files a piece of code flushes to disk before it gives them their names."""

from __future__ import annotations

import os
from pathlib import Path


class Flushed:
    """Watches `os.fsync` and renames for the time of a test (`monkeypatch`).

    `files` are the files that were flushed, by the names they have at the end.
    """

    def __init__(self, monkeypatch):
        self.files: set[Path] = set()
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self._watched_fsync)
        for name in ("rename", "replace"):
            monkeypatch.setattr(os, name, self._watched_move(getattr(os, name)))

    def _watched_fsync(self, descriptor) -> None:
        self._fsync(descriptor)
        self.files.add(Path(os.readlink(f"/proc/self/fd/{descriptor}")))

    def _watched_move(self, move):
        def moved(path, new) -> None:
            move(path, new)
            path, new = Path(path), Path(new)
            within = {file for file in self.files if file == path or path in file.parents}
            self.files -= within
            self.files |= {new / file.relative_to(path) for file in within}

        return moved

"""Values of variables too large to be copied in memory: copied to disk, read one by one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

ALIGNMENT = 64


class Snapshot(Mapping[str, np.ndarray]):
    """Arrays in a file without a name, each mapped into memory only while somebody holds it.

    To write it takes as long as to copy so many bytes: nothing is hashed, compressed or flushed.
    The file goes with this object, and with the process, however it ends.

    Args:
        directory: where there is room for it.
        values: the arrays by name; taken one at a time.

    Raises:
        OSError: there is no room, or the directory cannot be written.
    """

    def __init__(self, directory: Path, values: Iterator[tuple[str, np.ndarray]]):
        directory.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=directory)
        self._places: dict[str, tuple[int, np.dtype, tuple[int, ...]]] = {}
        for name, array in values:
            self._file.seek(-self._file.tell() % ALIGNMENT, 1)
            self._places[name] = self._file.tell(), array.dtype, array.shape
            self._file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        self._file.flush()

    def __getitem__(self, name: str) -> np.ndarray:
        place, dtype, shape = self._places[name]
        size = dtype.itemsize * int(np.prod(shape))
        if not size:
            return np.empty(shape, dtype)
        stored = np.memmap(self._file, np.uint8, "r", place, (size,))
        return stored.view(dtype).reshape(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

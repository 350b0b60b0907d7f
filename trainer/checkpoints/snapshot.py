"""Values of variables too large to be copied in memory: copied to disk, read one by one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tensorflow as tf

from trainer.checkpoints.row_blocks import BLOCK_BYTES, row_blocks

ALIGNMENT = 64


class SnapshotFile:
    """A file without a name, to which one snapshot after the other is written.

    To write one takes as long as to copy so many bytes: nothing is hashed, compressed or flushed.
    The first time it takes several times that, since the system has to find memory for the file's
    pages, which stay. The file goes with this object, and with the process, however it ends.

    Args:
        directory: where there is room for it.
    """

    def __init__(self, directory: Path):
        self._directory = directory
        self._opened: BinaryIO | None = None

    def make_room(self, size: int) -> None:
        """Write so many bytes, so that the first snapshot takes no longer than others.

        Raises:
            OSError: there is no room, or the directory cannot be written.
        """
        file = self._file()
        for start in range(0, size, BLOCK_BYTES):
            file.write(bytes(min(BLOCK_BYTES, size - start)))
        file.flush()

    def take(self, variables: Iterable[tuple[str, Any]]) -> Snapshot:
        """What these Keras variables hold now, by name. The snapshot before is lost.

        Raises:
            OSError: as above.
        """
        file = self._file()
        places = {}
        for name, variable in variables:
            file.seek(-file.tell() % ALIGNMENT, 1)
            dtype = tf.as_dtype(variable.dtype).as_numpy_dtype
            places[name] = file.tell(), np.dtype(dtype), tuple(variable.shape)
            for block in row_blocks(variable):
                file.write(as_array(block).reshape(-1).view(np.uint8).data)
        file.flush()
        return Snapshot(file, places)

    def _file(self) -> BinaryIO:
        """The file, at its beginning."""
        if self._opened is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._opened = tempfile.TemporaryFile(dir=self._directory)
        self._opened.seek(0)
        return self._opened


class Snapshot(Mapping[str, np.ndarray]):
    """Arrays in a file, each mapped into memory only while somebody holds it.

    Args:
        file: holds them.
        places: where each begins, its type and its shape.
    """

    def __init__(self, file: BinaryIO, places: Mapping[str, tuple[int, np.dtype, tuple[int, ...]]]):
        self._file = file
        self._places = places

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


def as_array(tensor: tf.Tensor) -> np.ndarray:
    """The tensor's values without a copy, unless they are on a GPU."""
    return np.asarray(tensor)

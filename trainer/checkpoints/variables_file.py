"""The file of a checkpoint's variables.

It is a `.npz` with every variable by its name. Of one that mostly is zeros, as weights that
`connection_density` leaves out, and their moments, are kept instead, in the same order, as arrays
with these endings of its name:

* `@shape`;
* `@places`: which elements are not zero, one bit each (`np.packbits`);
* `@values`: those elements; the first alone if all have the same bits, as in a mask.

That takes a tenth of the time of compressing the zeros, in which a process has a core less to train
with.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

SHAPE, PLACES, VALUES = "@shape", "@places", "@values"
SMALL = 1024
"""Elements of a variable that is stored whole, whatever it holds."""


def write_variables(file: BinaryIO, variables: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write `variables`; equal ones make equal files.

    Args:
        variables: names with C-contiguous arrays, taken one at a time.
    """
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:  # entries get one date
        for name, variable in variables:
            for entry_name, array in _parts(name, variable):
                with archive.open(f"{entry_name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)


def _parts(name: str, array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The entries that stand for a variable."""
    if array.size < SMALL:
        yield name, array
        return
    # By its bits, since -0.0 is to come back as it was.
    bits = array.view(np.dtype(f"u{array.itemsize}"))
    exists = bits != 0
    if np.count_nonzero(exists) * 2 >= array.size:
        yield name, array
        return
    yield f"{name}{SHAPE}", np.array(array.shape, np.int64)
    yield f"{name}{PLACES}", np.packbits(exists)
    values = array[exists]
    of_values = values.view(bits.dtype)
    yield f"{name}{VALUES}", values[:1] if (of_values == of_values[:1]).all() else values


class StoredVariables(Mapping[str, np.ndarray]):
    """The variables in such a file, each read when it is asked for. Close it, or use `with`.

    Raises:
        OSError, ValueError: it is not there, or not such a file.
    """

    def __init__(self, path: Path):
        self._file: Any = np.load(path)
        entries = [name for name in self._file.files if not name.endswith((PLACES, VALUES))]
        self._is_whole = {name.removesuffix(SHAPE): not name.endswith(SHAPE) for name in entries}

    def __getitem__(self, name: str) -> np.ndarray:
        if self._is_whole[name]:
            return self._file[name]
        shape = tuple(self._file[f"{name}{SHAPE}"])
        values = self._file[f"{name}{VALUES}"]
        array = np.zeros(shape, values.dtype)
        exists = np.unpackbits(self._file[f"{name}{PLACES}"], count=array.size)
        array[exists.astype(bool).reshape(shape)] = values  # of one value all are made
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._is_whole)

    def __len__(self) -> int:
        return len(self._is_whole)

    def __enter__(self) -> StoredVariables:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

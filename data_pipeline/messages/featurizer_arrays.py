"""What a featurizer learnt that is too large for `pipeline.json`: `.npy` files beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data_pipeline.atomic_files import published_file
from data_pipeline.errors import InputError

ARRAY_FILES = "featurizer-*.npy"


def array_file(directory: Path, position: int, name: str) -> Path:
    """The file of an array of the featurizer at this position of the pipeline."""
    return directory / f"featurizer-{position}.{name}.npy"


def save_array(path: Path, array: np.ndarray) -> None:
    """Replaces an older file whole, since this or another process may have it mapped."""
    with published_file(path) as file:
        np.save(file, array)


def load_array(path: Path) -> np.ndarray:
    """The array as a memory map.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        problem = "is missing"
    except (ValueError, EOFError) as error:
        problem = f"is damaged ({error})"
    raise InputError(
        f"{path} {problem}; pipeline.json beside it needs it; copy the folder again, or make it "
        "anew"
    )

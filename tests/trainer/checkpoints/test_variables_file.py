"""Variables come back from their file bit for bit, and their zeros take no room."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.checkpoints.variables_file import StoredVariables, write_variables


def stored(path, variables):
    with path.open("wb") as file:
        write_variables(file, variables.items())
    with StoredVariables(path) as read:
        return dict(read)


def mostly_zeros(shape, dtype):
    array = np.zeros(shape, dtype)
    array[::3, ::5] = np.arange(array[::3, ::5].size).reshape(array[::3, ::5].shape) + 1
    return array


VARIABLES = {
    "model/kernel": mostly_zeros((60, 70), np.float32),
    "model/half": mostly_zeros((60, 70), np.float16),
    "model/counts": mostly_zeros((61, 33), np.int64),
    "model/mask": mostly_zeros((61, 33), np.float32) > 0,
    "model/connections": (mostly_zeros((61, 33), np.float32) > 0).astype(np.float32),
    "model/zeros": np.zeros((3, 1, 1001), np.float32),
    "model/dense": np.linspace(-1, 1, 4000, dtype=np.float32).reshape(40, 100),
    "model/few": np.zeros((3, 5), np.float32),
    "optimizer/iterations": np.array(0, np.int64),
    "model/none": np.zeros((0, 7), np.float32),
}


def test_variables_come_back_as_they_were(tmp_path):
    read = stored(tmp_path / "variables.npz", VARIABLES)
    assert list(read) == list(VARIABLES)
    for name, array in VARIABLES.items():
        assert read[name].dtype == array.dtype, name
        np.testing.assert_array_equal(read[name], array, err_msg=name)


@pytest.mark.parametrize("value", [-0.0, np.nan, np.inf, np.float32(1e-45)])
def test_every_bit_of_a_value_among_zeros_is_kept(tmp_path, value):
    array = np.zeros(5000, np.float32)
    array[7] = value
    assert stored(tmp_path / "variables.npz", {"a": array})["a"].tobytes() == array.tobytes()


def test_zeros_take_a_bit_each(tmp_path):
    path = tmp_path / "variables.npz"
    stored(path, {"a": np.zeros(2**20, np.float32)})
    assert path.stat().st_size < 2**20 / 8 + 2000


def test_a_mask_takes_a_bit_each(tmp_path):
    path = tmp_path / "variables.npz"
    stored(path, {"a": (mostly_zeros((1024, 1024), np.float32) > 0).astype(np.float32)})
    assert path.stat().st_size < 2**20 / 8 + 2000


def test_a_file_that_holds_all_variables_whole_is_read_too(tmp_path):
    """As they were written before zeros were left out."""
    np.savez_compressed(tmp_path / "variables.npz", **VARIABLES)
    with StoredVariables(tmp_path / "variables.npz") as read:
        for name, array in VARIABLES.items():
            np.testing.assert_array_equal(read[name], array)

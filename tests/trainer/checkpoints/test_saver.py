"""Checkpoints are written beside training, which hears of what goes wrong."""

from __future__ import annotations

import errno
import shutil
import threading

import keras
import numpy as np
import pytest

from data_pipeline.errors import InputError
from trainer.checkpoints import checkpoint, saver, snapshot
from trainer.checkpoints.checkpoint import Checkpointer, Position, checkpoints, damage
from trainer.checkpoints.saver import CheckpointPolicy, Saver
from trainer.checkpoints.variables_file import StoredVariables


@pytest.fixture
def weight():
    return keras.Variable(np.zeros(3, np.float32), name="weight")


@pytest.fixture
def make_saver(tmp_path, weight):
    return lambda: Saver(Checkpointer(tmp_path, {"model": [weight]}), CheckpointPolicy(), {})


def stored(path):
    with StoredVariables(path / "variables.npz") as file:
        return file["model/weight"].tolist()


@pytest.fixture
def writing(monkeypatch):
    """Writing has to wait until this event is set."""
    allowed, write = threading.Event(), checkpoint.write_variables

    def wait_and_write(*arguments):
        assert allowed.wait(timeout=60)
        write(*arguments)

    monkeypatch.setattr(checkpoint, "write_variables", wait_and_write)
    return allowed


def test_training_goes_on_while_the_values_of_before_are_written(
    make_saver, weight, writing, tmp_path
):
    with make_saver() as saving:
        saving.save(Position(1))
        weight.assign([1, 2, 3])
        assert checkpoints(tmp_path) == []
        writing.set()
        saving.finish()
        (path,) = checkpoints(tmp_path)
        assert stored(path) == [0, 0, 0]


def test_at_the_end_the_last_one_has_been_written(make_saver, tmp_path):
    with make_saver() as saving:
        for step in (1, 2):
            saving.save(Position(step))
    assert [damage(path) for path in checkpoints(tmp_path)] == [None, None]


def test_an_error_also_waits_for_what_is_being_written(make_saver, tmp_path):
    with pytest.raises(KeyError), make_saver() as saving:
        saving.save(Position(1))
        raise KeyError("a bug")
    assert damage(*checkpoints(tmp_path)) is None


def test_a_full_disk_is_heard_of_at_the_next_checkpoint_or_at_the_end(
    make_saver, tmp_path, monkeypatch
):
    with make_saver() as saving:
        saving.save(Position(1))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_variables", full)
    saving = make_saver()
    saving.save(Position(2))
    with pytest.raises(InputError, match="No space left on device. Earlier checkpoints are unt"):
        saving.save(Position(3))
    with pytest.raises(InputError, match="No space left"), make_saver() as saving:
        saving.save(Position(2))
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000000001"]


@pytest.fixture
def large(monkeypatch):
    """Variables count as too large to be copied in memory."""
    monkeypatch.setattr(saver, "IN_MEMORY_BYTES", 11)
    monkeypatch.setattr(Checkpointer, "copy", None)


def test_large_variables_are_written_and_not_copied(make_saver, large, tmp_path):
    saving = make_saver()
    saving.save(Position(1))
    saving.finish()
    assert stored(*checkpoints(tmp_path)) == [0, 0, 0]


def test_training_goes_on_while_large_variables_are_written(
    make_saver, weight, large, writing, tmp_path
):
    with make_saver() as saving:
        saving.save(Position(1))
        weight.assign([1, 2, 3])
        assert checkpoints(tmp_path) == []
        writing.set()
        saving.finish()
        (path,) = checkpoints(tmp_path)
        assert stored(path) == [0, 0, 0]


def test_a_kill_while_large_variables_are_written_leaves_the_checkpoint_before(
    make_saver, weight, large, tmp_path, monkeypatch
):
    """What lies on disk in the middle of writing is what a killed process leaves."""
    middle, done = threading.Event(), threading.Event()
    write = checkpoint.write_variables

    def write_and_wait(*arguments):
        write(*arguments)
        middle.set()
        assert done.wait(timeout=60)

    with make_saver() as saving:
        saving.save(Position(1))
        saving.finish()
        monkeypatch.setattr(checkpoint, "write_variables", write_and_wait)
        weight.assign([1, 2, 3])
        saving.save(Position(2))
        assert middle.wait(timeout=60)
        left = tmp_path.with_name("left")
        shutil.copytree(tmp_path, left)
        done.set()
    assert Checkpointer(left, {"model": [weight]}).restore() == Position(1)
    assert weight.numpy().tolist() == [0, 0, 0]
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000000001", "step-000000002"]


def test_a_snapshot_makes_the_same_files_as_variables_that_are_written_at_once(tmp_path):
    arrays = [np.float32(2.5), np.zeros((5, 3), np.float32), np.arange(7), np.zeros((0, 2))]
    named = [
        keras.Variable(a, dtype=str(np.asarray(a).dtype), name=f"v{i}")
        for i, a in enumerate(arrays)
    ]
    folders = [tmp_path / "once", tmp_path / "later"]
    once, later = (Checkpointer(folder, {"model": named}) for folder in folders)
    paths = [once.save(Position(1)), later.save(Position(1), later.snapshot())]
    assert len({(path / "variables.npz").read_bytes() for path in paths}) == 1
    assert [path.name for path in folders[1].iterdir()] == ["step-000000001"]


def test_snapshots_follow_each_other_in_one_file(tmp_path):
    variables = [
        keras.Variable(np.arange(n, dtype=np.float32), name=name)
        for n, name in ((7, "a"), (3, "b"))
    ]
    taking = Checkpointer(tmp_path, {"model": variables})
    taking.make_room()
    for shift in (10, 20):
        for variable in variables:
            variable.assign_add(np.full(variable.shape, shift))
        found = taking.snapshot()
        assert {name: array.tolist() for name, array in found.items()} == {
            f"model/{variable.path}": variable.numpy().tolist() for variable in variables
        }
    assert [*tmp_path.iterdir()] == []  # the file has no name


def test_room_that_cannot_be_made_is_heard_of_at_the_first_checkpoint(
    make_saver, large, monkeypatch
):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    saving = make_saver()
    with monkeypatch.context() as patched:
        patched.setattr(snapshot.tempfile, "TemporaryFile", full)
        saving.make_room()
        with pytest.raises(InputError, match="No space left on device"):
            saving.finish()
    saving.make_room()
    saving.save(Position(1))


def test_a_full_disk_is_heard_of_at_once_where_variables_are_large(
    make_saver, large, tmp_path, monkeypatch
):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(snapshot.tempfile, "TemporaryFile", full)
    with pytest.raises(InputError, match="No space left on device. Earlier checkpoints are unt"):
        make_saver().save(Position(1))


def test_who_is_not_the_chief_writes_nothing():
    with Saver(None, CheckpointPolicy(every_steps=1), {}) as saving:
        saving.save(Position(1))
        saving.finish()

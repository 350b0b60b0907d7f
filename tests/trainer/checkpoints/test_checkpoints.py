"""Checkpoints: whole or absent, strict in reading, the newest n kept."""

from __future__ import annotations

import errno
import json
import os
import shutil

import keras
import numpy as np
import pytest

from data_pipeline import atomic_files
from data_pipeline.errors import InputError
from trainer.checkpoints import checkpoint
from trainer.checkpoints.checkpoint import (
    Checkpointer,
    Position,
    answering_checkpoint,
    checkpoints,
    damage,
    load_variables,
    newest_checkpoint,
    read_state,
)
from trainer.checkpoints.position import BestSoFar


def make_variables(**values):
    return [
        keras.Variable(np.asarray(value, np.float32), name=name) for name, value in values.items()
    ]


def groups(offset=0.0):
    return {
        "model": make_variables(kernel=np.arange(6).reshape(2, 3) + offset, bias=[1 + offset]),
        "optimizer": make_variables(kernel=[[offset]]),
    }


def values(variables):
    return [v.numpy() for group in variables.values() for v in group]


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_what_was_saved_comes_back(tmp_path):
    position = Position(7, 2, 3, {"loss/intent/total": 0.1 + 0.2})
    saved = groups(offset=0.5)
    path = Checkpointer(tmp_path, saved).save(position, fingerprint="abc")
    other = groups()
    assert Checkpointer(tmp_path, other).restore() == position
    for one, another in zip(values(saved), values(other), strict=True):
        np.testing.assert_array_equal(one, another)
    assert read_state(path)["fingerprint"] == "abc"


def test_equal_variables_make_equal_files(tmp_path):
    paths = [Checkpointer(tmp_path / name, groups()).save(Position(1)) for name in "ab"]
    one, other = [(path / "variables.npz").read_bytes() for path in paths]
    assert one == other


def test_there_is_nothing_to_restore_at_first(tmp_path):
    assert Checkpointer(tmp_path / "none", groups()).restore() is None
    with pytest.raises(InputError, match="no usable checkpoint"):
        newest_checkpoint(tmp_path / "none")


@pytest.mark.shows("trainer.keep_checkpoints")
def test_the_newest_ones_are_kept(tmp_path):
    checkpointer = Checkpointer(tmp_path, groups(), keep=2)
    for step in (9, 10, 1000, 2000):
        checkpointer.save(Position(step))
    assert names(tmp_path) == ["step-000001000", "step-000002000"]


def test_saving_the_same_step_again_replaces_it(tmp_path):
    checkpointer = Checkpointer(tmp_path, groups())
    checkpointer.save(Position(4, 0, 4))
    path = checkpointer.save(Position(4, 1, 0))
    assert names(tmp_path) == [path.name]
    assert read_state(path)["position"]["epoch"] == 1


@pytest.mark.parametrize("group", ["model", "optimizer"])
def test_a_missing_variable_is_named(tmp_path, group):
    less, more = groups(), groups()
    more[group] += make_variables(new=[0])
    Checkpointer(tmp_path, less).save(Position(1))
    with pytest.raises(InputError, match=rf"1 differences: {group}/new is missing"):
        Checkpointer(tmp_path, more).restore()


def test_a_left_over_variable_is_named(tmp_path):
    Checkpointer(tmp_path, groups()).save(Position(1))
    fewer = {"model": groups()["model"]}
    with pytest.raises(InputError, match="optimizer/kernel is not part of the model"):
        Checkpointer(tmp_path, fewer).restore()


def test_an_ill_shaped_variable_is_named_with_both_shapes(tmp_path):
    Checkpointer(tmp_path, groups()).save(Position(1))
    other = groups() | {"optimizer": make_variables(kernel=np.zeros((3, 2)))}
    with pytest.raises(InputError, match=r"optimizer/kernel has shape \(1, 1\), not \(3, 2\)"):
        Checkpointer(tmp_path, other).restore()


def test_one_group_can_be_loaded_and_is_just_as_strict(tmp_path):
    path = Checkpointer(tmp_path, groups(offset=2.0)).save(Position(1))
    model = groups()["model"]
    load_variables(path, "model", model)
    np.testing.assert_array_equal(model[1], [3.0])
    with pytest.raises(InputError, match="model/bias is not part of the model"):
        load_variables(path, "model", model[:1])


def test_variables_of_one_name_are_refused(tmp_path):
    with pytest.raises(ValueError, match="only 1 distinct names"):
        Checkpointer(tmp_path, {"model": make_variables(a=[0]) + make_variables(a=[1])})


@pytest.fixture
def disk_is_full(monkeypatch):
    """Lets the variables be written by half."""

    def write(file, _):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    return lambda: monkeypatch.setattr(checkpoint, "write_variables", write)


def test_a_full_disk_leaves_the_earlier_checkpoint_and_nothing_else(tmp_path, disk_is_full):
    variables = groups()
    checkpointer = Checkpointer(tmp_path, variables, keep=1)
    path = checkpointer.save(Position(1))
    disk_is_full()
    with pytest.raises(InputError, match="No space left on device. Earlier checkpoints are unt"):
        checkpointer.save(Position(2))
    assert names(tmp_path) == [path.name] and damage(path) is None
    assert checkpointer.restore() == Position(1)


def test_an_interruption_in_the_middle_leaves_no_final_folder(tmp_path, monkeypatch):
    checkpointer = Checkpointer(tmp_path, groups())
    first = checkpointer.save(Position(1))
    for module, interrupted in (
        (checkpoint, "write_variables"),
        (checkpoint, "sha256_of"),
        (atomic_files, "_flush"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, interrupted, interrupt)
            with pytest.raises(KeyboardInterrupt):
                checkpointer.save(Position(2))
        assert checkpoints(tmp_path) == [first]
    assert checkpointer.save(Position(2)).name in names(tmp_path)
    assert len(names(tmp_path)) == 2, "what was left half-written is gone"


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_kill_while_a_step_is_saved_again_loses_nothing(tmp_path, monkeypatch):
    directory, variables = tmp_path / "checkpoints", groups()
    checkpointer = Checkpointer(directory, variables)
    checkpointer.save(Position(4, 0, 4))
    left_by_kills = []

    def after_copying(rename):
        def copy_and_rename(*paths):
            copy = tmp_path / f"killed-{len(left_by_kills)}"
            left_by_kills.append(shutil.copytree(directory, copy))
            rename(*paths)

        return copy_and_rename

    for name in ("rename", "replace"):
        monkeypatch.setattr(os, name, after_copying(getattr(os, name)))
    variables["model"][1].assign([5.0])
    checkpointer.save(Position(4, 1, 0))
    monkeypatch.undo()
    assert any("step-000000004" not in names(left) for left in left_by_kills)
    for left in left_by_kills:
        restored = groups()
        position = Checkpointer(left, restored).restore()
        assert position in (Position(4, 0, 4), Position(4, 1, 0))
        assert restored["model"][1].numpy() == (5.0 if position.epoch else 1.0)
        Checkpointer(left, variables).save(Position(5, 1, 1))
        assert names(left) == ["step-000000004", "step-000000005"], "nothing is left over"


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    (tmp_path / ".step-000000005.partial").mkdir()
    Checkpointer(tmp_path, groups()).save(Position(6))
    assert names(tmp_path) == ["step-000000006"]


def test_a_directory_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="Cannot write a checkpoint to .*Not a directory"):
        Checkpointer(tmp_path / "file" / "run", groups()).save(Position(1))


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("state.json", None, "cannot be read"),
        ("state.json", b"", "cannot be read"),
        ("state.json", b"[]", "cannot be read"),
        ("state.json", b"{}", "cannot be read"),
        ("variables.npz", None, "is missing"),
        ("variables.npz", b"PK", "is truncated or altered"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_with_a_warning(tmp_path, caplog, file, content, said):
    variables = groups()
    checkpointer = Checkpointer(tmp_path, variables)
    first = checkpointer.save(Position(1))
    variables["model"][1].assign([5.0])
    second = checkpointer.save(Position(2))
    if content is None:
        (second / file).unlink()
    else:
        (second / file).write_bytes(content)
    assert newest_checkpoint(tmp_path) == first
    assert checkpointer.restore() == Position(1)
    np.testing.assert_array_equal(variables["model"][1], [1.0])
    assert f"Passing over the checkpoint {second}" in caplog.text and said in caplog.text


def test_damaged_ones_of_later_steps_do_not_count_among_the_newest(tmp_path):
    checkpointer = Checkpointer(tmp_path, groups(), keep=2)
    paths = [checkpointer.save(Position(step)) for step in (10, 20)]
    for step in (30, 40):
        path = shutil.copytree(paths[0], tmp_path / f"step-{step:09d}")
        (path / "variables.npz").write_bytes(b"PK")
    checkpointer = Checkpointer(tmp_path, groups(), keep=2)
    assert checkpointer.restore() == Position(20)
    assert damage(checkpointer.save(Position(25))) is None
    assert newest_checkpoint(tmp_path).name == "step-000000025"
    checkpointer.save(Position(40))
    assert names(tmp_path) == ["step-000000025", "step-000000040"], "30 was passed, 40 replaced"
    assert checkpointer.restore() == Position(40)


def test_when_all_are_damaged_nothing_is_assigned(tmp_path):
    variables = groups()
    checkpointer = Checkpointer(tmp_path, variables)
    for step in (1, 2):
        (checkpointer.save(Position(step)) / "variables.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match="All 2 checkpoints in .* are damaged"):
        checkpointer.restore()


def test_the_state_is_json_with_the_hash_of_the_variables(tmp_path):
    best = BestSoFar(2, {"intent_accuracy": 0.5}, 1)
    path = Checkpointer(tmp_path, groups()).save(Position(3, 1, 1, {"a": 1.5}, best))
    state = json.loads((path / "state.json").read_text())
    assert state["position"] == {
        **{"step": 3, "epoch": 1, "step_in_epoch": 1, "sums": {"a": 1.5}},
        "best": {"step": 2, "scores": {"intent_accuracy": 0.5}, "evaluations_since": 1},
    }
    assert len(state["sha256"]) == 64


def test_a_checkpoint_of_an_earlier_version_has_no_batch_size(tmp_path):
    checkpointer = Checkpointer(tmp_path, groups())
    state = checkpointer.save(Position(3, 1, 1, batch_size=8)) / "state.json"
    written = json.loads(state.read_text())
    assert checkpointer.restore() == Position(
        3, 1, 1, batch_size=written["position"].pop("batch_size")
    )
    state.write_text(json.dumps(written))
    assert checkpointer.restore() == Position(3, 1, 1)


def saved_with_best(directory, *, keep_best=True):
    """Steps 1 to 5 with step 2 the best, of which two are kept."""
    checkpointer = Checkpointer(directory, groups(), keep=2, keep_best=keep_best)
    best = BestSoFar()
    for step, accuracy in enumerate([0.5, 0.7, 0.6, 0.5, 0.7], start=1):
        best = best.after({"intent_accuracy": accuracy}, step)
        checkpointer.save(Position(step, best=best))
    return checkpointer


def test_the_best_one_is_kept_beside_the_newest(tmp_path):
    checkpointer = saved_with_best(tmp_path)
    assert names(tmp_path) == ["step-000000002", "step-000000004", "step-000000005"]
    assert answering_checkpoint(tmp_path, best=True).name == "step-000000002"
    assert answering_checkpoint(tmp_path, best=False).name == "step-000000005"
    restored = checkpointer.restore()
    assert (restored.step, restored.best.step, restored.best.evaluations_since) == (5, 2, 3)
    better = restored.best.after({"intent_accuracy": 0.8}, 6)
    checkpointer.save(Position(6, best=better))
    assert names(tmp_path) == ["step-000000005", "step-000000006"], "the former best has gone"


def test_the_best_one_is_not_kept_unless_asked_for(tmp_path):
    saved_with_best(tmp_path, keep_best=False)
    assert names(tmp_path) == ["step-000000004", "step-000000005"]


def test_a_damaged_best_one_is_replaced_by_the_newest_with_a_warning(tmp_path, caplog):
    saved_with_best(tmp_path)
    (tmp_path / "step-000000002" / "variables.npz").write_bytes(b"PK")
    assert answering_checkpoint(tmp_path, best=True).name == "step-000000005"
    assert "the best" in caplog.text and "truncated or altered" in caplog.text


def test_without_an_evaluation_the_newest_answers(tmp_path):
    Checkpointer(tmp_path, groups()).save(Position(1))
    assert answering_checkpoint(tmp_path, best=True).name == "step-000000001"

"""`python -m trainer checkpoints RUN_DIR`."""

from __future__ import annotations

import pytest

from trainer.checkpoints.checkpoint import checkpoints


@pytest.fixture
def table(command, copy_of_run):
    """The table's lines, after something has been done to the run of two epochs."""

    def lines():
        result = command("checkpoints", copy_of_run)
        assert result.code == 0, result.err
        return result.out.splitlines()

    return lines


def test_a_line_per_checkpoint_with_the_newest_marked(table, copy_of_run):
    first, second = checkpoints(copy_of_run / "checkpoints")
    header, *lines = table()
    assert header.split() == ["step", "epoch", "size", "files", "what", "metrics"]
    assert lines[0].split()[:2] == [str(int(first.name[5:])), "1"]
    assert lines[1].split()[:2] == [str(int(second.name[5:])), "2"]
    assert all("verified" in line and " loss " in line for line in lines)
    assert "newest" in lines[1] and "newest" not in lines[0]
    megabytes = sum(file.stat().st_size for file in second.iterdir()) / 1e6
    assert f"{megabytes:.1f} MB" in lines[1]


def test_a_damaged_one_is_named_as_such_and_is_not_the_newest(table, copy_of_run):
    _, second = checkpoints(copy_of_run / "checkpoints")
    (second / "variables.npz").write_bytes(b"PK")
    _, *lines = table()
    assert "verified" in lines[0] and "newest" in lines[0]
    assert "damaged: variables.npz is truncated or altered" in lines[1]


def test_a_run_whose_checkpoints_are_all_damaged_is_still_listed(table, copy_of_run):
    for path in checkpoints(copy_of_run / "checkpoints"):
        (path / "state.json").unlink()
    assert [("damaged" in line) for line in table()] == [False, True, True]


def test_no_checkpoints_and_no_run_are_said(command, copy_of_run, tmp_path):
    for path in checkpoints(copy_of_run / "checkpoints"):
        path.rename(path.with_name(f"moved-{path.name}"))
    assert "holds no checkpoints" in command("checkpoints", copy_of_run).line
    assert "is not a run directory" in command("checkpoints", tmp_path).line

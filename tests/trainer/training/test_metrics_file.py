"""`metrics.jsonl`: a line per epoch, each epoch once, also after an interruption."""

from __future__ import annotations

import json

import pytest

from trainer.training.callbacks import MetricsFile


def epochs(path):
    return [json.loads(line)["epoch"] for line in path.read_text().splitlines()]


@pytest.fixture
def train(tmp_path):
    """Plays the epochs from `first` to `last` (0-based) to the callback."""

    def run(first, last):
        callback = MetricsFile(tmp_path / "metrics.jsonl")
        callback.set_params({"first_epoch": first})
        callback.on_train_begin()
        for epoch in range(first, last + 1):
            callback.on_epoch_end(epoch, {"loss": 1.0 + epoch})
        return tmp_path / "metrics.jsonl"

    return run


def test_a_line_per_epoch(train):
    lines = [json.loads(line) for line in train(0, 2).read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert [line["loss"] for line in lines] == [1.0, 2.0, 3.0]
    assert all(line["peak_memory_bytes"] > 1e6 for line in lines)


def test_going_on_adds_lines(train):
    train(0, 1)
    assert epochs(train(2, 3)) == [1, 2, 3, 4]


def test_repeated_epochs_replace_their_lines(train):
    train(0, 3)
    assert epochs(train(2, 2)) == [1, 2, 3]


@pytest.mark.parametrize("rest", ['{"epoch": 3, "lo', "[]", "{}"])
def test_a_line_cut_short_is_dropped(train, rest):
    with train(0, 1).open("a") as file:
        file.write(rest)
    assert epochs(train(2, 2)) == [1, 2, 3]


def test_a_full_disk_does_not_lose_the_lines_there_are(train, monkeypatch):
    path = train(0, 3)
    before = path.read_text()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        train(2, 2)
    assert path.read_text() == before

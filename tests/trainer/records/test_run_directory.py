"""What a run directory says about itself is complete, or as it was before."""

from __future__ import annotations

import json

import pytest
from flushed import Flushed

from data_pipeline.messages.fitted_pipeline import FittedPipeline
from trainer.records.run_directory import RunDirectory


@pytest.fixture
def fitted(trained):
    return FittedPipeline.load(trained.run)


def test_the_record_is_on_disk_before_it_has_its_name(tmp_path, fitted, monkeypatch):
    flushed = Flushed(monkeypatch)
    RunDirectory(tmp_path).record({"a": 1}, fitted)
    assert json.loads((tmp_path / "run.json").read_text()) == {"a": 1}
    assert {tmp_path, *tmp_path.iterdir()} <= flushed.files


def test_an_error_leaves_the_record_as_it_was(tmp_path, fitted, monkeypatch):
    run = RunDirectory(tmp_path)
    run.record({"a": 1}, fitted)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run.record({"a": 2}, fitted)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

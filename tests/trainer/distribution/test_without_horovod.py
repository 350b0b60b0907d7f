"""Horovod is needed only by those who train on several processes."""

from __future__ import annotations

import sys

import pytest

from data_pipeline.errors import InputError
from trainer.distribution.distribution import SingleDevice, make_distribution


@pytest.fixture(autouse=True)
def no_horovod(monkeypatch):
    """Importing Horovod fails, as where it is not installed; no launcher started the tests."""
    monkeypatch.setitem(sys.modules, "horovod", None)
    for name in ("HOROVOD_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "TF_CONFIG", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)


def test_one_device_does_without_it():
    assert isinstance(make_distribution("auto"), SingleDevice)


def test_processes_that_are_told_of_each_other_do_without_it(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}}')
    with pytest.raises(InputError, match="TF_CONFIG: task must name one of the cluster's proc"):
        make_distribution("auto")


def test_who_asks_for_it_is_told_how_to_install_it():
    with pytest.raises(InputError, match="Horovod was asked for .* Install it with `make setup`"):
        make_distribution("horovod")

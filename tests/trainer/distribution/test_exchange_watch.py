"""Processes that wait for each other in vain end, and say where they are."""

from __future__ import annotations

import queue

import pytest
import tensorflow as tf

from data_pipeline.errors import InputError
from trainer.distribution.watch import STALL_LIMIT, STALL_SECONDS, ExchangeWatch


def test_without_an_exchange_it_ends_with_the_place():
    lines = queue.Queue()
    ExchangeWatch(0.01, lines.put)
    line = lines.get(timeout=60)
    assert "have waited for each other for 0 s (HOROVOD_STALL_SHUTDOWN_TIME_SECONDS)" in line
    assert "This one is in wait, " in line and "threading.py:" in line


def test_an_exchange_begins_the_time_anew():
    watch = ExchangeWatch(3600, pytest.fail)
    watch._last = 0.0
    watch.met()
    assert watch._last > 0
    watch.stop()


def test_batches_are_the_same_and_each_is_noted(monkeypatch):
    watch = ExchangeWatch(3600, pytest.fail)
    noted = []
    monkeypatch.setattr(watch, "met", lambda: noted.append(1))
    dataset = tf.data.Dataset.range(3)
    batches = watch.each(dataset)
    assert batches.element_spec == dataset.element_spec
    assert [int(batch) for batch in batches] == [0, 1, 2] and len(noted) == 3
    watch.stop()


@pytest.mark.parametrize(("given", "seconds"), [("90", 90.0), ("0", STALL_SECONDS)])
def test_the_limit_is_the_launchers(monkeypatch, given, seconds):
    monkeypatch.setenv(STALL_LIMIT, given)
    watch = ExchangeWatch(end=pytest.fail)
    assert watch.seconds == seconds
    watch.stop()


@pytest.mark.parametrize("given", ["soon", "-1"])
def test_a_limit_that_is_no_time_is_refused(monkeypatch, given):
    monkeypatch.setenv(STALL_LIMIT, given)
    with pytest.raises(InputError, match=f"{STALL_LIMIT} must be a number of seconds. Received"):
        ExchangeWatch()

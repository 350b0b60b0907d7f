"""Processes share a machine's cores, unless somebody has said otherwise."""

from __future__ import annotations

import logging

import pytest
import tensorflow as tf

from trainer.distribution import process_settings
from trainer.distribution.process_settings import (
    THREADS,
    divide_cores,
    set_horovod_defaults,
    share_cores,
)


class Threading:
    """TensorFlow's numbers of threads; 0 = it has not been told."""

    def __init__(self):
        self.intra = self.inter = 0

    def get_intra_op_parallelism_threads(self):
        return self.intra

    def set_intra_op_parallelism_threads(self, number):
        self.intra = number

    def set_inter_op_parallelism_threads(self, number):
        self.inter = number


@pytest.fixture
def threading(monkeypatch):
    """On a machine of eight cores."""
    made = Threading()
    monkeypatch.delenv(THREADS, raising=False)
    monkeypatch.setattr(tf.config, "threading", made)
    monkeypatch.setattr(process_settings.os, "sched_getaffinity", lambda _: set(range(8)))
    return made


def test_processes_share_the_cores_and_say_so(threading, caplog):
    with caplog.at_level(logging.INFO):
        share_cores(4)
    assert (threading.intra, threading.inter) == (2, 2)
    assert "Computing in 2 thread(s), since 4 processes share 8 cores" in caplog.text


def test_more_processes_than_cores_have_a_thread_each(threading):
    share_cores(20)
    assert threading.intra == 1


def test_a_process_by_itself_changes_nothing(threading, caplog):
    with caplog.at_level(logging.INFO):
        share_cores(1)
    assert threading.intra == 0 and not caplog.text


def test_the_environment_decides(threading, monkeypatch):
    monkeypatch.setenv(THREADS, "8")
    share_cores(4)
    assert threading.intra == 0


@pytest.mark.parametrize("devices, threads", [(2, 4), (3, 2), (20, 1)])
def test_devices_of_one_cpu_share_its_cores(threading, devices, threads):
    divide_cores(devices)
    assert (threading.intra, threading.inter) == (threads, 0)


def test_the_environment_decides_for_devices_of_one_cpu(threading, monkeypatch):
    monkeypatch.setenv(THREADS, "8")
    divide_cores(4)
    assert threading.intra == 0


def test_a_later_world_of_a_job_keeps_its_threads(threading):
    threading.intra = 4
    share_cores(4)
    assert threading.intra == 4


@pytest.mark.parametrize("gpus", [0, 2])
def test_horovods_defaults_leave_what_the_environment_says_and_cycles_of_gpus(monkeypatch, gpus):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind] * gpus)
    environ = {"HOROVOD_DISABLE_GROUP_FUSION": "0"}
    set_horovod_defaults(environ)
    cycle = {} if gpus else {"HOROVOD_CYCLE_TIME": "3"}
    assert environ == {"HOROVOD_DISABLE_GROUP_FUSION": "0", **cycle}

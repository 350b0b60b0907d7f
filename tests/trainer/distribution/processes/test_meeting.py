"""Processes go on once all are there, and say who is missing."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from timing.side_by_side import free_ports

from data_pipeline.errors import InputError
from trainer.distribution.processes.cluster import Cluster
from trainer.distribution.processes.meeting import meet
from trainer.errors import OthersMissing

LONG, SHORT = 60.0, 0.3


@pytest.fixture
def addresses() -> tuple[str, ...]:
    return tuple(f"127.0.0.1:{port}" for port in free_ports(3))


def met(addresses: tuple[str, ...], ranks: list[int], seconds: float) -> list[BaseException | None]:
    """How it ended for processes of these ranks."""
    with ThreadPoolExecutor() as pool:
        ends = [pool.submit(meet, Cluster(addresses, rank, "TF_CONFIG"), seconds) for rank in ranks]
        return [end.exception() for end in ends]


def test_all_go_on_when_all_are_there(addresses):
    assert met(addresses, [2, 0, 1], LONG) == [None] * 3
    assert met(addresses, [0, 1, 2], LONG) == [None] * 3  # the ports are free at once


def test_those_that_came_say_who_is_missing(addresses):
    first, second = met(addresses, [0, 1], SHORT)
    assert isinstance(first, OthersMissing) and isinstance(second, OthersMissing)
    assert f"Of 3 processes these did not come within 0 s: 2 ({addresses[2]})." in str(first)
    assert f"The first process, at {addresses[0]}, did not answer within 0 s, or had not" in str(
        second
    )


def test_without_the_first_nobody_goes_on(addresses):
    (alone,) = met(addresses, [1], SHORT)
    assert str(alone).startswith(f"The first process, at {addresses[0]}, did not answer within 0 s")


def test_who_ended_and_came_again_counts_once(addresses):
    with ThreadPoolExecutor() as pool:
        first = pool.submit(meet, Cluster(addresses, 0, "TF_CONFIG"), LONG)
        assert isinstance(met(addresses, [1], SHORT)[0], OthersMissing)
        assert met(addresses, [1, 2], LONG) == [None] * 2
        assert first.exception() is None


def test_who_ended_does_not_make_the_others_complete(addresses):
    with ThreadPoolExecutor() as pool:
        first = pool.submit(meet, Cluster(addresses, 0, "TF_CONFIG"), LONG)
        for rank in (1, 2):
            assert isinstance(met(addresses, [rank], SHORT)[0], OthersMissing)
        assert met(addresses, [1, 2], LONG) == [None] * 2
        assert first.exception() is None


def test_a_second_process_of_one_rank_is_told(addresses):
    with ThreadPoolExecutor() as pool:
        meetings = [
            pool.submit(meet, Cluster(addresses, rank, "TF_CONFIG"), 1.0) for rank in (0, 1)
        ]
        with pytest.raises(InputError, match="0 does not belong|1 does not belong|cannot"):
            time.sleep(0.3)
            meet(Cluster(addresses, 1, "TF_CONFIG"), LONG)
        assert all(isinstance(meeting.exception(), OthersMissing) for meeting in meetings)


def test_a_port_that_is_taken_is_named(addresses):
    with socket.create_server(("", int(addresses[1].split(":")[1]))):
        with pytest.raises(InputError, match=f"to listen at {addresses[1]}, by TF_CONFIG, and can"):
            meet(Cluster(addresses, 1, "TF_CONFIG"), SHORT)


def test_who_was_started_with_other_processes_is_told(addresses):
    other = (*addresses[:2], "elsewhere:1")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(meet, Cluster(addresses, 0, "TF_CONFIG"), 1.0)
        with pytest.raises(
            InputError, match="1 does not belong .* it was started with .*elsewhere"
        ):
            meet(Cluster(other, 1, "TF_CONFIG"), LONG)
        assert isinstance(first.exception(), OthersMissing)

"""What is told of a project's files is told once."""

from __future__ import annotations

import logging

import pytest

from data_pipeline.warnings_to_user import note, told_once, warn


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.INFO)
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records]


def test_in_a_block_nothing_is_told_twice(told):
    with told_once():
        warn("a.yml:1: odd")
        with told_once():
            warn("a.yml:1: odd")
            warn("a.yml:2: odd")
        note("a.yml", "an old version")
        note("b.yml", "an old version")
    assert told() == [
        ("WARNING", "a.yml:1: odd"),
        ("WARNING", "a.yml:2: odd"),
        ("INFO", "a.yml: an old version"),
    ]


def test_each_block_tells_anew(told):
    for _ in range(2):
        with told_once():
            warn("100 % odd")
    assert told() == [("WARNING", "100 % odd")] * 2


def test_outside_of_blocks_everything_is_told(told):
    warn("odd")
    warn("odd")
    assert len(told()) == 2

"""Commits: what an elastic job goes back to when a process is lost, kept in every process' memory.

A step that fails in the middle may have been applied by some processes and not by others. So each
keeps a copy of all variables from between two steps; after a loss the new chief puts its copy back
and sends it to all. Checkpoints on disk are for when all processes are lost.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

import numpy as np

from trainer.checkpoints.checkpoint import Checkpointer
from trainer.checkpoints.position import Position

SHARE_OF_TIME = 0.05
"""The most that copying may take of the time of training; commits are as frequent as that allows,
which also is how much work is lost: 20 times what a copy takes."""


@dataclass(frozen=True)
class Commit:
    """The state between two steps.

    Attributes:
        run: the directory of the run that it is of.
        values: of all variables, by name.
    """

    run: Path
    position: Position
    values: Mapping[str, np.ndarray]


class Job(Protocol):
    """What outlives a world of processes, in each of them."""

    commit: Commit | None
    hosts_changed: bool
    directory: Path | None

    def leave_world(self) -> NoReturn:
        """End this world, since hosts came or went."""


class Commits:
    """Commits of one run.

    Args:
        job: keeps the newest commit.
        run: the run's directory.
        checkpointer: of all its variables.
    """

    def __init__(self, job: Job, run: Path, checkpointer: Checkpointer):
        self._job, self._run, self._checkpointer = job, run, checkpointer
        self._next_time = time.monotonic()

    def newer_than(self, position: Position | None) -> Commit | None:
        """The last commit of this run, put back, if it is newer than `position`."""
        commit = self._job.commit
        if commit is None or commit.run != self._run:
            return None
        if position is not None and _order(commit.position) <= _order(position):
            return None
        self._checkpointer.put_back(commit.values)
        return commit

    @property
    def hosts_changed(self) -> bool:
        """Whether the world should end for one with other hosts."""
        return self._job.hosts_changed

    @property
    def is_due(self) -> bool:
        """Whether the last commit is long enough ago."""
        return time.monotonic() >= self._next_time

    def leave_world(self) -> NoReturn:
        """End this world, since hosts came or went."""
        self._job.leave_world()

    def commit(self, position: Position, started: float | None = None) -> None:
        """Keep a copy of the variables as they are now, instead of the one before.

        Args:
            started: when work for it began (`time.monotonic()`); None = now.
        """
        started = time.monotonic() if started is None else started
        values = self._checkpointer.copy()
        self._job.commit = Commit(self._run, position, values)
        now = time.monotonic()
        self._next_time = now + (now - started) / SHARE_OF_TIME


def _order(position: Position) -> tuple[int, int]:
    return position.epoch, position.step

"""How training can end before it is done."""

from __future__ import annotations

from data_pipeline.errors import InputError

EXIT_ANOTHER_PROCESS = 3
"""The exit code of one of several processes that ends because of another one."""


class Diverged(InputError):
    """The loss or a gradient stopped being a number: bad data or bad options, not a bug."""


class Stopped(Exception):
    """Training was asked to stop and did, between two steps, with a checkpoint."""

    def __init__(self, message: str, *, signal_number: int):
        """`signal_number` says who asked: SIGINT, SIGTERM."""
        super().__init__(message)
        self.signal_number = signal_number

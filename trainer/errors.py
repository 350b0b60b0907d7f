"""How training can end before it is done."""

from __future__ import annotations

from data_pipeline.errors import InputError

EXIT_ANOTHER_PROCESS = 3
"""The exit code of one of several processes that ends because of another one."""


class Diverged(InputError):
    """The loss or a gradient stopped being a number: bad data or bad options, not a bug."""


class OthersMissing(Exception):
    """Of the processes that are to train together some did not come. They may the next time."""


class Stopped(Exception):
    """Training was asked to stop and did, between two steps, with a checkpoint.

    Attributes:
        signal_number: who asked: SIGINT, SIGTERM.
        how_to_go_on: what the user is to do; may be changed on the way up.
    """

    def __init__(self, what: str, *, signal_number: int, how_to_go_on: str = ""):
        super().__init__(what)
        self.signal_number = signal_number
        self.how_to_go_on = how_to_go_on

    def __str__(self) -> str:
        return f"{super().__str__()} {self.how_to_go_on}".rstrip()

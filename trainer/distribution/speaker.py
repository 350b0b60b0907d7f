"""Who speaks: the chief plainly, other processes with their rank and host, and only of trouble."""

from __future__ import annotations

import logging
import os
import socket
import sys

RANK = "HOROVOD_RANK"

_told: list[str] = []


def rank() -> str | None:
    """Of this process among those that train together; None = it trains alone, as far as is known.

    Horovod's launcher tells it from the beginning, others once processes have found each other.
    """
    return _told[0] if _told else os.environ.get(RANK)


def speak_as(rank: int) -> None:
    """From now on this is the process with that rank."""
    _told[:] = [str(rank)]
    set_up_logging(again=True)


def speaker() -> str:
    """What a process other than the chief writes before its lines: which one it is, and where."""
    # Not HOSTNAME, which launchers carry from their own host to every process.
    return "" if rank() in (None, "0") else f"[rank {rank()} on {socket.gethostname()}] "


def set_up_logging(*, again: bool = False) -> None:
    """Log to standard error as this process' rank has it; `again` when that has changed."""
    name = speaker()
    logging.basicConfig(
        level=logging.WARNING if name else logging.INFO,
        format=f"{name}%(message)s",
        stream=sys.stderr,
        force=again,
    )
    logging.getLogger("tensorflow").setLevel(logging.WARNING)

"""Who speaks: the chief plainly, other processes with their rank and host, and only of trouble."""

from __future__ import annotations

import logging
import os
import socket
import sys

RANK = "HOROVOD_RANK"


def speaker() -> str:
    """What a process other than the chief writes before its lines: which one it is, and where."""
    rank = os.environ.get(RANK, "0")
    # Not HOSTNAME, which launchers carry from their own host to every process.
    return "" if rank == "0" else f"[rank {rank} on {socket.gethostname()}] "


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

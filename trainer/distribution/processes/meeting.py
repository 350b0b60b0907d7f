"""Processes meet before TensorFlow joins them.

TensorFlow 2.21 waits for those that are missing for longer than anybody would, and hears no signal
meanwhile. So all go to the first process and say who they are, and it lets them go on once it has
seen everybody.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator

from data_pipeline.errors import InputError
from trainer.distribution.processes.cluster import Cluster
from trainer.errors import OthersMissing

RETRY_SECONDS = 0.2
HELLO_SECONDS = 10.0
"""How long whoever connects may take to say who it is."""
GO_ON, REFUSED = "go on", "refused: "


def meet(cluster: Cluster, seconds: float) -> None:
    """Return once all processes of the cluster are here.

    Raises:
        InputError: this process' port is taken, or it does not belong to the others.
        OthersMissing: not all came in so many seconds.
    """
    until = time.monotonic() + seconds
    with _listening(cluster) as listener:
        if cluster.rank == 0:
            _wait_for_all(cluster, listener, until, seconds)
    if cluster.rank != 0:
        _go_to_first(cluster, until, seconds)


@contextlib.contextmanager
def _listening(cluster: Cluster) -> Iterator[socket.socket]:
    """TensorFlow will listen there; the first process does before it."""
    address = cluster.addresses[cluster.rank]
    try:
        listener = socket.create_server(("", _parts(address)[1]))
    except OSError as error:
        raise InputError(
            f"Process {cluster.rank} is to listen at {address}, by {cluster.source}, and cannot: "
            f"{error.strerror}."
        ) from None
    with listener:
        yield listener


def _wait_for_all(cluster: Cluster, listener: socket.socket, until: float, seconds: float) -> None:
    with contextlib.ExitStack() as until_done:
        others: dict[int, socket.socket] = {}
        while len(others := _still_here(others)) < cluster.size - 1:
            listener.settimeout(max(until - time.monotonic(), 0.001))
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                missing = sorted(set(range(1, cluster.size)) - others.keys())
                named = ", ".join(f"{rank} ({cluster.addresses[rank]})" for rank in missing)
                raise OthersMissing(
                    f"Of {cluster.size} processes these did not come within {seconds:.0f} s: "
                    f"{named}. Look at what they say, and whether they reach "
                    f"{cluster.addresses[0]}."
                ) from None
            until_done.enter_context(connection)
            rank = _introduced(connection, cluster, others)
            if rank is not None:
                others[rank] = connection
        for connection in others.values():
            _say(connection, GO_ON)
        for connection in others.values():  # who closes first keeps the port busy for a while
            _hear(connection)


def _introduced(
    connection: socket.socket, cluster: Cluster, known: dict[int, socket.socket]
) -> int | None:
    """The rank of who has come; None = it does not belong here, and has been told."""
    connection.settimeout(HELLO_SECONDS)
    try:
        said = json.loads(_hear(connection))
        rank, addresses = said["rank"], tuple(said["addresses"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # somebody else's, such as a probe of the port
    if addresses != cluster.addresses:
        refusal = f"it was started with {', '.join(addresses)}"
    elif rank == 0 or (rank in known and not _is_gone(known[rank])):
        refusal = f"there is a process {rank} already"
    else:
        return rank
    _say(connection, f"{REFUSED}{refusal}; the processes are {', '.join(cluster.addresses)}.")
    return None


def _go_to_first(cluster: Cluster, until: float, seconds: float) -> None:
    first = cluster.addresses[0]
    while (left := until - time.monotonic()) > 0:
        answer = _answer_of_first(cluster, left)
        if answer == GO_ON:
            return
        if answer.startswith(REFUSED):
            why = answer.removeprefix(REFUSED)
            raise InputError(f"Process {cluster.rank} does not belong to the one at {first}: {why}")
        # It has not begun, its name is not known yet, or it ends: there may be another one soon.
        time.sleep(min(RETRY_SECONDS, left))
    raise OthersMissing(
        f"The first process, at {first}, did not answer within {seconds:.0f} s, or had not seen "
        "all processes: see what it says."
    )


def _answer_of_first(cluster: Cluster, seconds: float) -> str:
    """What it says within so many seconds; empty = nothing."""
    host, port = _parts(cluster.addresses[0])
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            _say(connection, json.dumps({"rank": cluster.rank, "addresses": cluster.addresses}))
            return _hear(connection)
    except OSError:
        return ""


def _say(connection: socket.socket, line: str) -> None:
    with contextlib.suppress(OSError):  # it is gone, and will be missed
        connection.sendall(f"{line}\n".encode())


def _hear(connection: socket.socket) -> str:
    """A line; empty = there is none to come."""
    with connection.makefile(encoding="utf-8", errors="replace") as lines:
        return lines.readline(2**20).rstrip("\n")


def _still_here(others: dict[int, socket.socket]) -> dict[int, socket.socket]:
    """Without those that ended while the rest was awaited: they may come again."""
    return {rank: connection for rank, connection in others.items() if not _is_gone(connection)}


def _is_gone(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(HELLO_SECONDS)


def _parts(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)

"""How fast and how far two hosts are from each other, by a TCP connection. Run by `shaped.py`.

python scripts/network/probe.py listen ADDRESS
python scripts/network/probe.py ask ADDRESS      # prints Gbit/s and milliseconds there and back
"""

from __future__ import annotations

import socket
import sys
import time
from statistics import median

PORT = 7000
ROUND_TRIPS = 50
BYTES = 100_000_000
BLOCK = bytes(1_000_000)


def listen(address: str) -> None:
    """Send a byte back for each of the first ones, then take all the others and say so."""
    with socket.create_server((address, PORT)) as server:
        connection, _ = server.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(ROUND_TRIPS):
                connection.sendall(connection.recv(1))
            taken, buffer = 0, bytearray(len(BLOCK))
            while taken < BYTES:
                taken += connection.recv_into(buffer)
            connection.sendall(b".")


def ask(address: str) -> tuple[float, float]:
    """Gbit/s, and the median of milliseconds there and back."""
    with _connected(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        times = []
        for _ in range(ROUND_TRIPS):
            started = time.perf_counter()
            connection.sendall(b".")
            connection.recv(1)
            times.append(time.perf_counter() - started)
        started = time.perf_counter()
        for _ in range(BYTES // len(BLOCK)):
            connection.sendall(BLOCK)
        connection.recv(1)
        return BYTES * 8e-9 / (time.perf_counter() - started), 1000 * median(times)


def _connected(address: str) -> socket.socket:
    for _ in range(100):
        try:
            return socket.create_connection((address, PORT))
        except ConnectionRefusedError:  # it is about to listen
            time.sleep(0.05)
    raise TimeoutError(address)


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        listen(sys.argv[2])
    else:
        print(*ask(sys.argv[2]))

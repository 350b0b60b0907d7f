"""Carries packets between TUN devices, each a while after it was sent. Run by `links.py`.

python scripts/network/relay.py MILLISECONDS DESCRIPTOR…

The n-th descriptor is that of the host whose address ends in n + 1.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections import deque

LONGEST_PACKET = 65_536
LAST_OF_DESTINATION = 19
"""The byte of an IPv4 header that holds the end of the address it goes to."""


def carry(tunnels: list[int], delay: float) -> None:
    """Carry packets until the process is ended; `delay` in seconds."""
    waiting: deque[tuple[float, int, bytes]] = deque()
    while True:
        until_due = max(waiting[0][0] - time.perf_counter(), 0.0) if waiting else None
        for tunnel in select.select(tunnels, [], [], until_due)[0]:
            packet = os.read(tunnel, LONGEST_PACKET)
            if packet[0] >> 4 != 4:
                continue  # IPv6 looking for routers
            host = packet[LAST_OF_DESTINATION] - 1
            if host < len(tunnels):
                waiting.append((time.perf_counter() + delay, tunnels[host], packet))
        now = time.perf_counter()
        while waiting and waiting[0][0] <= now:
            _, tunnel, packet = waiting.popleft()
            os.write(tunnel, packet)


if __name__ == "__main__":
    carry([int(argument) for argument in sys.argv[2:]], float(sys.argv[1]) / 1000)

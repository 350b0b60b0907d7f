"""scripts/network: how networks are written, and that the relay keeps packets as long as asked."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from network.links import Network

RELAY = Path(__file__).parents[2] / "scripts" / "network" / "relay.py"


def test_a_network_is_a_rate_and_a_delay():
    assert Network.parse("1gbit,0.1") == Network("1gbit", 0.1)
    assert Network.parse("10gbit") == Network("10gbit", 0.0)
    assert Network.parse("-,1") == Network(None, 1.0)


@pytest.mark.parametrize("text", ["", ",1", "1gbit,fast", "1gbit,-1"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError):
        Network.parse(text)


def packet(host: int, content: bytes) -> bytes:
    return bytes([4 << 4, *bytes(18), host + 1]) + content


def test_packets_come_to_the_host_they_are_for_after_the_delay():
    ours, theirs = zip(
        *[socket.socketpair(type=socket.SOCK_SEQPACKET) for _ in range(2)], strict=True
    )
    descriptors = [end.fileno() for end in theirs]
    command = [sys.executable, str(RELAY), "50", *map(str, descriptors)]
    relay = subprocess.Popen(command, pass_fds=descriptors)
    try:
        ours[0].send(bytes([6 << 4]))  # IPv6 is nobody's
        started = time.perf_counter()
        for number in range(3):
            ours[0].send(packet(1, bytes([number])))
        received = [ours[1].recv(100) for _ in range(3)]
        assert time.perf_counter() - started >= 0.05
        assert received == [packet(1, bytes([number])) for number in range(3)]
        ours[1].send(packet(0, b"back"))
        assert ours[0].recv(100) == packet(0, b"back")
    finally:
        relay.kill()
        relay.wait()

"""Network namespaces as hosts: joined by a bridge, shaped in rate and delay. Linux, as root.

Rates are the kernel's token buckets (`tc … tbf`). Delay is made by a relay (`relay.py`) between TUN
devices, since not every kernel has `netem`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

CONTROL, DELAYED = "10.213.0", "10.214.0"
"""Networks of the bridge, and of the relay; host n has the address n + 1 in both."""
BRIDGE, BRIDGE_ADDRESS = "shaped", f"{CONTROL}.254"
RELAYED_MTU = 65_000
"""Bytes per packet: the relay spends its time per packet."""
BURST = "256kb"
"""That may leave at once: some packets, and little beside what a step exchanges."""
LATENCY = "200ms"
"""How long a packet may wait for tokens before it is dropped."""
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


@dataclass(frozen=True)
class Network:
    """What lies between any two hosts.

    Attributes:
        rate: as `tc` writes it, such as `1gbit`; of what each host sends. None = as it is.
        delay: milliseconds that each packet travels; 0 = as it is.
    """

    rate: str | None = None
    delay: float = 0.0

    def __str__(self) -> str:
        return f"{self.rate or 'not shaped'}, {self.delay:g} ms"

    @classmethod
    def parse(cls, text: str) -> Network:
        """`RATE` or `RATE,MILLISECONDS`; a rate of `-` is none.

        Raises:
            ValueError: it is not written like that.

        >>> Network.parse("1gbit,0.1"), str(Network.parse("-"))
        (Network(rate='1gbit', delay=0.1), 'not shaped, 0 ms')
        """
        rate, _, delay = text.partition(",")
        milliseconds = float(delay) if delay else 0.0
        if not rate or milliseconds < 0:
            raise ValueError(text)
        return cls(None if rate == "-" else rate, milliseconds)


@dataclass(frozen=True)
class Host:
    """A network namespace.

    Attributes:
        name: of the namespace.
        address: to be reached at by the other hosts.
        interface: that has this address.
    """

    name: str
    address: str
    interface: str

    def command(self, *arguments: str) -> list[str]:
        """The command, to be run on this host."""
        return ["ip", "netns", "exec", self.name, *arguments]


@contextmanager
def hosts(count: int, network: Network) -> Iterator[list[Host]]:
    """So many hosts in this network; everything is gone again afterwards."""
    with ExitStack() as until_done:
        _run("ip", "link", "add", BRIDGE, "type", "bridge")
        until_done.callback(_run, "ip", "link", "delete", BRIDGE)
        _run("ip", "address", "add", f"{BRIDGE_ADDRESS}/24", "dev", BRIDGE)
        _run("ip", "link", "set", BRIDGE, "up")
        names = [f"shaped-{number}" for number in range(count)]
        for number, name in enumerate(names):
            _run("ip", "netns", "add", name)
            until_done.callback(_run, "ip", "netns", "delete", name)
            _join_bridge(name, number)
            # A namespace ends later than the command that deletes it.
            until_done.callback(_run, "ip", "link", "delete", f"{BRIDGE}{number}")
        if network.delay:
            tunnels = [_tunnel(name, number) for number, name in enumerate(names)]
            until_done.callback(_end, _relay(tunnels, network.delay))
        interface, addresses = ("tun0", DELAYED) if network.delay else ("eth0", CONTROL)
        made = [Host(name, f"{addresses}.{n + 1}", interface) for n, name in enumerate(names)]
        for host in made:
            until_done.callback(_forget_itself, host)
            _know_itself(host)
        for host in made if network.rate else ():
            assert network.rate is not None
            shaped = ("rate", network.rate, "burst", BURST, "latency", LATENCY)
            _run("tc", "-n", host.name, "qdisc", "add", "dev", interface, "root", "tbf", *shaped)
        yield made


def _join_bridge(name: str, number: int) -> None:
    outside = f"{BRIDGE}{number}"
    _run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name)
    _run("ip", "link", "set", outside, "master", BRIDGE, "up")
    _run("ip", "-n", name, "link", "set", "lo", "up")
    _bring_up(name, "eth0", f"{CONTROL}.{number + 1}")


def _tunnel(name: str, number: int) -> int:
    """A TUN device on the host: what is sent by it is read from the descriptor."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    device = f"{BRIDGE}t{number}"
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
    _run("ip", "link", "set", device, "netns", name, "name", "tun0", "mtu", str(RELAYED_MTU))
    _bring_up(name, "tun0", f"{DELAYED}.{number + 1}")
    return descriptor


def _bring_up(name: str, interface: str, address: str) -> None:
    _run("ip", "-n", name, "address", "add", f"{address}/24", "dev", interface)
    _run("ip", "-n", name, "link", "set", interface, "up")


def _know_itself(host: Host) -> None:
    """On the host, this machine's name leads to the host's address: gloo listens where it leads.

    `ip netns exec` lays what is in this folder over `/etc`.
    """
    _own_files(host).mkdir(parents=True)
    names = f"127.0.0.1 localhost\n{host.address} {socket.gethostname()}\n"
    (_own_files(host) / "hosts").write_text(names, encoding="utf-8")


def _forget_itself(host: Host) -> None:
    shutil.rmtree(_own_files(host), ignore_errors=True)


def _own_files(host: Host) -> Path:
    return Path("/etc/netns") / host.name


def _relay(tunnels: list[int], delay: float) -> subprocess.Popen:
    program = str(Path(__file__).with_name("relay.py"))
    command = [sys.executable, program, str(delay), *map(str, tunnels)]
    relay = subprocess.Popen(command, pass_fds=tunnels)
    for descriptor in tunnels:
        os.close(descriptor)
    return relay


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    process.wait()


def _run(*command: str) -> None:
    subprocess.run(command, check=True)

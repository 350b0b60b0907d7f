"""How long a step takes on hosts with a network between them that is as slow as asked for.

    sudo .venv/bin/python scripts/network/shaped.py --out DIR [--processes 2 --processes 4] \
        [--network 10gbit,0.1 …] -- --project PATH --set KEY=VALUE …

Each host is a network namespace of this machine (`links.py`) with one process of one thread, under
Horovod by gloo. A network is `RATE,MILLISECONDS`: what a host may send, and how long each packet
travels; `-` is no limit. What stands behind `--` goes to every `python -m trainer train`. The first
of eight epochs, in which graphs are built, does not count; of the others it takes the median and,
since other work only ever adds, the least.

Prints a Markdown table, row by row; besides what was asked for, it tells what a TCP connection
between two of the hosts gets. Delay costs the time of a relay, a process more than there are hosts.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import click
from horovod.runner.common.util.hosts import get_host_assignments, parse_hosts
from horovod.runner.gloo_run import create_run_env_vars, create_slot_env_vars
from horovod.runner.http.http_server import RendezvousServer
from links import BRIDGE_ADDRESS, Host, Network, hosts

EPOCHS = 8
NETWORKS = ("-", "10gbit,0.1", "10gbit,1", "1gbit,0.1", "1gbit,1")
HEADER = (
    "| processes | network | Gbit/s | ms there and back | ms per step | of these in exchange | "
    "MB per step |"
)
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}
HERE = Path(__file__).resolve().parent


class NetworkType(click.ParamType):
    """`RATE,MILLISECONDS`."""

    name = "network"

    def convert(self, value, param, ctx):
        """The network, or a line that says how to write one."""
        if isinstance(value, Network):
            return value
        try:
            return Network.parse(value)
        except ValueError:
            self.fail(f"must be RATE,MILLISECONDS such as 1gbit,0.1. Received: {value!r}")


def train(between: Sequence[Host], run_dir: Path, arguments: Sequence[str]) -> list[dict]:
    """Train on these hosts; the lines of `metrics.jsonl`."""
    slots = get_host_assignments(
        parse_hosts(",".join(f"{h.name}:1" for h in between)), len(between)
    )
    server = RendezvousServer()
    port = server.start()
    server.init(slots)
    command = [sys.executable, "-m", "trainer", "train", *arguments]
    command += ["--run-dir", str(run_dir), "--epochs", str(EPOCHS)]
    processes: list[subprocess.Popen] = []
    try:
        for host, slot in zip(between, slots, strict=True):
            meeting = create_run_env_vars(BRIDGE_ADDRESS, [host.interface], port)
            own = {**create_slot_env_vars(slot), **{k: str(v) for k, v in meeting.items()}}
            environment = {**os.environ, **ONE_THREAD, **own}
            processes.append(subprocess.Popen(host.command(*command), env=environment))
        codes = [process.poll() for process in processes]
        while None in codes and not any(codes):
            time.sleep(0.2)
            codes = [process.poll() for process in processes]
        if any(codes):
            raise click.ClickException(f"training failed on {len(processes)} hosts; see above")
    finally:
        server.stop()
        for process in processes:
            process.kill()
            process.wait()
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").open(encoding="utf-8")]


def probe(between: Sequence[Host]) -> tuple[float, float]:
    """Gbit/s, and milliseconds there and back, between the first two hosts."""
    program, address = str(HERE / "probe.py"), between[0].address
    there = subprocess.Popen(between[0].command(sys.executable, program, "listen", address))
    command = between[1].command(sys.executable, program, "ask", address)
    asked = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    there.wait()
    rate, milliseconds = map(float, asked.stdout.split())
    return rate, milliseconds


def row(processes: int, network: Network, probed: tuple[float, float], epochs: list[dict]) -> str:
    """A row of the table, of all epochs but the first: medians, and the least.

    >>> epochs = [
    ...     {"steps": 8, "seconds": s, "communication_seconds": s / 4, "bytes_per_step": 1e7}
    ...     for s in (9.0, 4.0, 8.0, 6.0)
    ... ]
    >>> row(2, Network("1gbit", 0.1), (0.94, 0.31), epochs)
    '| 2 | 1gbit, 0.1 ms | 0.94 | 0.31 | 750 (500) | 188 (125) | 10.0 |'
    """
    step, exchange = (
        [1000 * epoch[name] / epoch["steps"] for epoch in epochs[1:]]
        for name in ("seconds", "communication_seconds")
    )
    rate, milliseconds = probed
    return (
        f"| {processes} | {network} | {rate:.2f} | {milliseconds:.2f} | "
        f"{median(step):.0f} ({min(step):.0f}) | {median(exchange):.0f} ({min(exchange):.0f}) | "
        f"{epochs[-1]['bytes_per_step'] / 1e6:.1f} |"
    )


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="For the runs.")
@click.option("--processes", type=click.IntRange(2, 200), multiple=True, default=(2, 4))
@click.option("--network", "networks", type=NetworkType(), multiple=True, default=NETWORKS)
@click.argument("arguments", nargs=-1)
def main(
    out: Path,
    processes: tuple[int, ...],
    networks: tuple[Network, ...],
    arguments: tuple[str, ...],
) -> None:
    """Print a table of step times in several networks."""
    if os.geteuid():
        raise click.ClickException("network namespaces are made as root; start this by sudo")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # to clean up, too
    click.echo(f"{HEADER}\n{'|---' * (HEADER.count('|') - 1)}|")
    for count in processes:
        for number, network in enumerate(networks):
            with hosts(count, network) as between:
                probed = probe(between)
                epochs = train(between, out / f"{count}-{number}", arguments)
            click.echo(row(count, network, probed, epochs))


if __name__ == "__main__":
    main()

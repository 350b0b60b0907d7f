"""Many clients ask `serve` for minutes, while it takes a new version and is replaced by another.

    python scripts/load_serving.py MODELS --texts test.yml [--seconds 600] [--connections 64]

MODELS is what `export` wrote: the folder of a model, or of several. It is copied, and served by a
process of its own. Customers ask one thing after the other, each on a connection of its own; if
there is a TED, every fourth time about a dialogue. Strangers come with malformed bodies, with too
large ones, with ones that never end, or go before they are answered. After a third of --seconds
there is a new version (`PUT /model`); after two thirds a second server is started, new connections
go to it, and the first one gets SIGTERM.

Prints Markdown: requests by what came of them, how long they took, and memory. Exit code 1: a
request of a customer was lost or not answered 200, an answer was that to another question, or a
server did not end by itself.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import click
from load.clients import STRANGERS, Crowd
from load.exchange import ask_once, request
from load.servers import Server, add_version

from data_pipeline.rasa_files.nlu_files import read_nlu

MEMORY_EVERY_SECONDS = 5.0


@dataclass
class Outcome:
    """What a run came to.

    Attributes:
        reloaded: the status of `PUT /model`.
        exit_codes: of both servers.
        megabytes: memory over time: of the first server before and after the new version, and of
            the second.
        seconds: how long it was.
    """

    crowd: Crowd
    reloaded: int
    exit_codes: tuple[int, int]
    megabytes: dict[str, list[float]]
    seconds: float

    @property
    def fine(self) -> bool:
        """Whether every customer was served, and both servers ended well."""
        return (
            set(self.crowd.customers) == {200}
            and self.reloaded == 204
            and self.exit_codes == (0, 0)
        )


async def under_load(
    models: Path, texts: list[str], seconds: float, connections: int, scratch: Path
) -> Outcome:
    """Serve `models` (which gets a new version) to the crowd."""
    first = await Server(models, scratch / "first.log").started()
    second = None
    try:
        status = await ask_once(first.address, request("GET", "/status"))
        answers = json.loads(status.body)["answers"]
        begun = time.monotonic()
        crowd = Crowd(first.address, texts, "dialogues" in answers)
        clients = [asyncio.create_task(crowd.customer(n)) for n in range(connections)]
        clients += [asyncio.create_task(crowd.stranger(kind)) for kind in STRANGERS]

        await _watched(first, seconds / 3)
        add_version(models)
        place = len(first.megabytes)
        reloaded = (await ask_once(first.address, request("PUT", "/model"))).status
        await _watched(first, seconds / 3)
        second = await Server(models, scratch / "second.log").started()
        crowd.address = second.address
        first_code = await first.stopped()
        await _watched(second, seconds / 3)
        crowd.over = True
        await asyncio.gather(*clients)
        taken = time.monotonic() - begun
        second_code = await second.stopped()
    finally:
        for server in filter(None, (first, second)):
            server.kill()
    megabytes = {
        "first server": first.megabytes[:place],
        "with the new version": first.megabytes[place:],
        "second server": second.megabytes,
    }
    return Outcome(crowd, reloaded, (first_code, second_code), megabytes, taken)


async def _watched(server: Server, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        await asyncio.sleep(min(left, MEMORY_EVERY_SECONDS))
        server.note_memory()


def report(outcome: Outcome) -> str:
    """Markdown."""
    crowd = outcome.crowd
    lines = ["| requests | |", "|---|---|", f"| of customers | {_told(crowd.customers)} |"]
    lines += [f"| {kind} | {_told(counts)} |" for kind, counts in crowd.strangers.items()]
    took = sorted(crowd.seconds)
    p50, p99 = (1000 * took[int(share * (len(took) - 1))] for share in (0.5, 0.99))
    lines += [
        "",
        f"{outcome.seconds:.0f} s; {len(took) / outcome.seconds:.0f} answers per second; "
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {1000 * took[-1]:.0f} ms. "
        f"PUT /model: {outcome.reloaded}; "
        f"exit codes of the servers: {outcome.exit_codes[0]}, {outcome.exit_codes[1]}.",
        "",
        "| resident memory, MB | at first | in the middle | at the end |",
        "|---|---|---|---|",
    ]
    for part, megabytes in outcome.megabytes.items():
        points = (megabytes[0], megabytes[len(megabytes) // 2], megabytes[-1])
        lines.append(f"| {part} | " + " | ".join(f"{point:.0f}" for point in points) + " |")
    return "\n".join(lines)


def _told(counts: Counter[object]) -> str:
    """How often what happened.

    >>> _told(Counter({200: 12345, "lost": 1}))
    '200: 12,345; lost: 1'
    """
    return "; ".join(f"{what}: {count:,}" for what, count in counts.most_common())


PATH = click.Path(path_type=Path, exists=True)


@click.command()
@click.argument("models", type=PATH)
@click.option("--texts", type=PATH, required=True, help="NLU file whose texts are asked.")
@click.option("--seconds", default=600.0, show_default=True)
@click.option("--connections", default=64, show_default=True)
def main(models: Path, texts: Path, seconds: float, connections: int) -> None:
    """Have many clients ask the exported MODELS for a while."""
    asked = [message.text for message in read_nlu([texts]).messages]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        served = Path(shutil.copytree(models, scratch / "models"))
        outcome = asyncio.run(under_load(served, asked, seconds, connections, scratch))
    click.echo(report(outcome))
    sys.exit(0 if outcome.fine else 1)


if __name__ == "__main__":
    main()

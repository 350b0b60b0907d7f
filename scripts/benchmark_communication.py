"""How long a step takes on 1, 2, 4, … processes, what it sends, and how much of it is exchange.

    python scripts/benchmark_communication.py --out DIR [--processes 1 --processes 2 …] \
        -- --project PATH --prepared DIR --set KEY=VALUE …

What stands behind `--` goes to every `python -m trainer train`. Each number of processes is a run
in DIR of two epochs, of which the second is measured: the first also builds the graph. The global
batch stays the same, so that the work per process shrinks. Prints a Markdown table.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click

EPOCHS = 2
HEADER = (
    "| processes | batch | ms per step | MB sent per process and step | in exchange | examples/s |"
)


def train(processes: int, run_dir: Path, arguments: tuple[str, ...]) -> dict:
    """The last line of `metrics.jsonl` of a run on so many processes; a finished one stays."""
    command = [sys.executable, "-m", "trainer", "train", *arguments]
    command += ["--run-dir", str(run_dir), "--epochs", str(EPOCHS)]
    if processes > 1:
        # --gloo: also where Horovod was built with MPI.
        launcher = str(Path(sys.executable).with_name("horovodrun"))
        command = [launcher, "--gloo", "-np", str(processes), *command]
    subprocess.run(command, check=True)
    return json.loads((run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])


def row(processes: int, metrics: dict) -> str:
    """A row of the table.

    >>> metrics = {"global_batch_size": 64, "seconds": 4.0, "steps": 8, "examples_per_second": 128}
    >>> row(1, metrics)
    '| 1 | 64 | 500 | – | – | 128 |'
    >>> row(2, {**metrics, "bytes_per_step": 2e6, "communication_seconds": 1.0})
    '| 2 | 64 | 500 | 2.00 | 25 % | 128 |'
    """
    sent = share = "–"
    if "bytes_per_step" in metrics:
        sent = f"{metrics['bytes_per_step'] / 1e6:.2f}"
        share = f"{metrics['communication_seconds'] / metrics['seconds']:.0%}".replace("%", " %")
    milliseconds = 1000 * metrics["seconds"] / metrics["steps"]
    return (
        f"| {processes} | {metrics['global_batch_size']:.0f} | {milliseconds:.0f} | {sent} | "
        f"{share} | {metrics['examples_per_second']:.0f} |"
    )


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="For the runs.")
@click.option("--processes", type=int, multiple=True, default=(1, 2, 4), show_default=True)
@click.argument("arguments", nargs=-1)
def main(out: Path, processes: tuple[int, ...], arguments: tuple[str, ...]) -> None:
    """Print a table of step times and exchanges for several numbers of processes."""
    rows = [row(n, train(n, out / f"processes-{n}", arguments)) for n in processes]
    click.echo("\n".join([HEADER, "|---" * (HEADER.count("|") - 1) + "|", *rows]))


if __name__ == "__main__":
    main()

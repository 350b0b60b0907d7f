"""How fast training is, part by part, on one device and on several, and beside Rasa's own.

    python scripts/benchmark.py                                  # the bundled example, DIET and TED
    python scripts/benchmark.py --project PATH --model diet --set batch_size=256 --rounds 3
    python scripts/benchmark.py --config CONFIG --nlu NLU --rasa-python VENV/bin/python --out DIR
    python scripts/benchmark.py --devices single --devices horovod:2 --devices mirrored:2

Each round trains once with each program, in turns, a process each, so that what else the machine
does meets all of them. Options given by `--set` are written into a copy of `config.yml`, from which
all read them; models that are not measured are taken out of it. Figures are medians over the
rounds, with the least and the greatest. The first epoch, in which graphs are built, counts only in
"graph building" and "whole command". What stands first is what the others are compared with: ours
by how many times as fast they are, Rasa's by how many times as long it takes. Devices are logical
ones where there is no GPU; processes are started by horovodrun or joined by TensorFlow
(`multi_worker`), all on this machine. Memory and an epoch's processor seconds are the first one's.

Prints a Markdown table and writes `benchmark.json` and, with the extra `sweep` (matplotlib),
`benchmark.png` to the folder `--out`.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from data_pipeline.errors import InputError
from trainer.cli.main import EXIT_BAD_INPUT
from trainer.cli.quiet_start import load_tensorflow

PATH = click.Path(path_type=Path)


@click.command(help=(__doc__ or "").split("\n\n")[0])
@click.option("--project", type=PATH, help="A Rasa project directory. [the bundled example]")
@click.option("--config", type=PATH, help="A Rasa config.yml.")
@click.option("--nlu", type=PATH, multiple=True, help="NLU training file or folder.")
@click.option("--domain", type=PATH, multiple=True, help="Domain file or folder.")
@click.option("--stories", type=PATH, multiple=True, help="Story file or folder.")
@click.option(
    "--model",
    "models",
    type=click.Choice(["diet", "ted"]),
    multiple=True,
    help="[both, where there is data]",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A model's option.")
@click.option("--augmentation", type=int, default=0, show_default=True, help="Of stories, for TED.")
@click.option("--epochs", type=click.IntRange(2), default=4, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--devices",
    multiple=True,
    metavar="STRATEGY:N",
    default=["single"],
    show_default=True,
    help="What ours trains on: single, mirrored:N, horovod:N, multi_worker:N; several in turns.",
)
@click.option("--threads", type=click.IntRange(1), help="Of each device, and of Rasa. [all cores]")
@click.option("--rasa-python", type=PATH, help="A Python that has Rasa 3.6, to be measured too.")
@click.option("--out", type=PATH, default=Path("runs/benchmark"), show_default=True)
def benchmark(project, config, nlu, domain, stories, models, settings, out, **job):
    """Measure, print and write."""
    load_tensorflow()
    from timing.report import picture, table
    from timing.rounds import Job, measure

    from trainer.config.project import find_project

    found, _ = find_project(project, config, nlu, domain, stories)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for model in models or ("diet", *(["ted"] if found.has_dialogues else [])):
            planned = Job(found, model, settings, scratch=Path(scratch) / model, **job)
            results[model] = measure(planned)
            click.echo(table(model, results[model]))
    out.mkdir(parents=True, exist_ok=True)
    (out / "benchmark.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    drawn = picture(results, out / "benchmark.png")
    click.echo(f"Written: {out / 'benchmark.json'}{', benchmark.png' if drawn else ''}")


def main() -> None:
    """Bad input is one line and exit code 2."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        benchmark(standalone_mode=False)
    except (InputError, click.ClickException) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)


if __name__ == "__main__":
    main()

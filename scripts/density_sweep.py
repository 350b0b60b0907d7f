#!/usr/bin/env python
"""How few connections does DIET need? The experiment of Rasa's article on sparse layers.

Trains one DIET per connection density, transformer size and seed, measures each on test messages,
and writes beside the runs

* `sweep.csv`: per point, the weights and the scores (columns: `sweep.results.Result`);
* `sweep.png`: the scores against the number of connected weights of the transformer.

    python scripts/density_sweep.py --project PATH --test tests/test_nlu.yml --jobs 2
    python scripts/density_sweep.py --config config.yml --nlu train.yml --test test.yml --epochs 30

The same command again goes on: finished points are left alone, begun ones continue from their
checkpoints, and new densities, sizes and seeds are added. Needs the extra `sweep` (matplotlib).

The article: "Why Rasa uses Sparse Layers in Transformers", J. Mosig and V. Vlasov, 2021.
"""

from __future__ import annotations

import itertools
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import click

from data_pipeline.errors import InputError
from trainer.cli.main import EXIT_BAD_INPUT, EXIT_INTERRUPTED
from trainer.cli.quiet_start import load_tensorflow
from trainer.errors import Stopped

logger = logging.getLogger("density_sweep")

PATH = click.Path(path_type=Path)

DENSITIES = (1.0, 0.2, 0.05, 0.01)
TRANSFORMER_SIZES = (4, 8, 16, 32, 64, 128, 256)
EXIT_POINTS_FAILED = 1


@click.command(help=__doc__.split("\n\n")[0])
@click.option("--project", type=PATH, help="A Rasa project directory.")
@click.option("--config", type=PATH, help="A Rasa config.yml.")
@click.option("--nlu", type=PATH, multiple=True, help="NLU training file or folder.")
@click.option("--test", type=PATH, multiple=True, required=True, help="NLU test file or folder.")
@click.option("--out", type=PATH, default=Path("runs/density_sweep"), show_default=True)
@click.option("--density", type=float, multiple=True, default=DENSITIES, show_default=True)
@click.option(
    "--transformer-size", type=int, multiple=True, default=TRANSFORMER_SIZES, show_default=True
)
@click.option("--seed", type=int, multiple=True, default=(1,), show_default=True)
@click.option("--epochs", type=int, help="Overrides DIETClassifier's.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="As of `train`.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="At a time.")
def sweep(project, config, nlu, test, out, density, transformer_size, seed, epochs, settings, jobs):
    """Train what is missing, then write the table and the picture."""
    load_tensorflow()
    draw = _picture_of_sweep()
    from sweep.points import Point, Sweep, run_points
    from sweep.results import read_results, write_csv

    points = [Point(*values) for values in itertools.product(density, transformer_size, seed)]
    if epochs is not None:
        settings = (*settings, f"epochs={epochs}")
    plan = Sweep.prepare(out, project, config, nlu, test, settings, points)

    def tell(point: Point) -> None:
        write_csv(read_results(plan), out / "sweep.csv")
        logger.info("%s: done.", point.name)

    failed = run_points(plan, jobs=jobs, on_done=tell)
    results = read_results(plan)
    write_csv(results, out / "sweep.csv")
    if results:
        draw(results, out / "sweep.png")
        click.echo(f"{len(results)} points: {out / 'sweep.csv'}, {out / 'sweep.png'}")
    for point, log in failed.items():
        click.echo(f"Error: {point.name} failed; see {log}", err=True)
    if failed:
        sys.exit(EXIT_POINTS_FAILED)


def _picture_of_sweep() -> Callable:
    """`sweep.picture.draw`; asked for first, not when everything is trained."""
    try:
        from sweep.picture import draw
    except ModuleNotFoundError as error:
        raise InputError(f"{error.name} is missing: pip install -e '.[sweep]'") from None
    return draw


def main() -> None:
    """Bad input is one line and exit code 2; a signal's exit code is 128 + its number."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        sweep(standalone_mode=False)
    except InputError as error:
        _end(f"Error: {error}", EXIT_BAD_INPUT)
    except click.ClickException as error:
        _end(f"Error: {error.format_message()} See --help.", EXIT_BAD_INPUT)
    except Stopped as stopped:
        _end(str(stopped), 128 + stopped.signal_number)
    except click.Abort:
        _end("Interrupted.", EXIT_INTERRUPTED)


def _end(line: str, exit_code: int) -> None:
    click.echo(line, err=True)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()

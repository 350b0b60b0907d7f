"""How long a training takes until it begins, and per example then: its first steps alone.

    python scripts/growth/first_steps.py --project PATH --model diet --steps 60 \
        [--prepared DIR] [--set KEY=VALUE …]

For data of which an epoch takes too long to wait for. After so many steps training ends, as when a
callback asks for it. The first `--skip` steps, in which the graph is built and batches are still
waiting from before, do not count. Prints one line of JSON; seconds of processor time are those of
all threads of the process, `peak_mb` is its largest resident memory since it was started.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from trainer.cli.quiet_start import load_tensorflow

if __name__ == "__main__":
    load_tensorflow()

import keras  # noqa: E402

from trainer.config.project import find_project  # noqa: E402
from trainer.run.chosen_tasks import make_task  # noqa: E402
from trainer.run.request import TrainRequest  # noqa: E402
from trainer.run.resolve import resolve_all  # noqa: E402
from trainer.run.train import train  # noqa: E402

PATH = click.Path(path_type=Path)


class FirstSteps(keras.callbacks.Callback):
    """Ends training after so many steps, and notes what they took.

    Args:
        steps: how many are counted.
        skipped: how many come before those.
    """

    def __init__(self, steps: int, skipped: int) -> None:
        super().__init__()
        self._steps, self._skipped, self._done = steps, skipped, 0
        self.notes: dict[str, Any] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        self.notes["before_training_cpu"] = time.process_time()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.notes["steps_per_epoch"] = int(logs["steps"])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._done += 1
        if self._done == 1:
            self.notes["first_step_cpu"] = time.process_time()
        if self._done == self._skipped:
            self._started = time.perf_counter(), time.process_time()
        if self._done == self._skipped + self._steps:
            wall, cpu = self._started
            self.notes["step_seconds"] = (time.perf_counter() - wall) / self._steps
            self.notes["step_cpu"] = (time.process_time() - cpu) / self._steps
            self.model.stop_training = True


@click.command()
@click.option("--project", type=PATH, help="A Rasa project directory. [the bundled example]")
@click.option("--config", type=PATH, help="A Rasa config.yml.")
@click.option("--nlu", type=PATH, multiple=True)
@click.option("--domain", type=PATH, multiple=True)
@click.option("--stories", type=PATH, multiple=True)
@click.option("--model", type=click.Choice(["diet", "ted"]), default="diet", show_default=True)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A model's option.")
@click.option("--prepared", type=PATH, help="A prepared data set, as `train --prepared`.")
@click.option("--steps", type=click.IntRange(1), default=40, show_default=True)
@click.option("--skip", type=click.IntRange(1), default=10, show_default=True)
def main(project, config, nlu, domain, stories, model, settings, prepared, steps, skip) -> None:
    """Train so many steps and print what they took."""
    found, _ = find_project(project, config, nlu, domain, stories)
    task = make_task(found, resolve_all(found, (model,), settings)[0])
    clock = FirstSteps(steps, skip)
    with tempfile.TemporaryDirectory() as scratch:
        train(TrainRequest([task], Path(scratch) / "run", prepared=prepared, callbacks=[clock]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(json.dumps({**clock.notes, "peak_mb": round(peak)}))


if __name__ == "__main__":
    main()

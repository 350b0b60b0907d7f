#!/usr/bin/env python
"""Interrupts a training again and again, and compares its end with that of one left alone.

    python scripts/chaos.py --out DIR [--kills 20] [--processes 2] [--seed 1] [-- TRAIN OPTIONS]

The bundled example is trained twice under Horovod, by the same command: once alone, and once
with `kill -9` and SIGTERM at random moments, of any worker or of all, and the same command again.
Two fifths of the interruptions wait for a checkpoint that is just being written. At the end every
variable of the last checkpoints (model, optimizer, loss scale) must be equal, bit for bit.

Prints a Markdown table and a verdict. Exit code 1: not equal, a process was left over, or the
training was done before the last interruption (give it more --epochs). Same seed, same plan; when
exactly a signal arrives is up to the machine. What stands behind `--` is added to the command.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from interruption.running import Running
from interruption.watching import CheckpointWatch

from trainer.checkpoints.checkpoint import VARIABLES_FILE, newest_checkpoint, read_position
from trainer.checkpoints.variables_file import StoredVariables

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = (
    *("--project", str(ROOT / "examples" / "pizza"), "--model", "diet", "--epochs", "20"),
    *("--set", "batch_size=64", "--set", "transformer_size=32"),
    *("--set", "number_of_transformer_layers=1", "--set", "checkpoint_every_steps=3"),
)
KILL, TERMINATE = signal.SIGKILL, signal.SIGTERM
STARTING, TRAINING, WRITING = "starting", "training", "writing"
WHILE_WRITING = "while a checkpoint was written:"
LONGEST_START_SECONDS = 45.0
LONGEST_STEP_SECONDS = 0.5
HEADER = "| # | what | when | resumed from |\n|---|---|---|---|"


@dataclass(frozen=True)
class Interruption:
    """What is to happen.

    Attributes:
        signal_number: what is sent: SIGKILL or SIGTERM.
        rank: to which process; None = with SIGKILL to all and the launcher, else to the launcher.
        moment: `STARTING`: at any time up to the first new checkpoint; `TRAINING`: between two of
            them; `WRITING`: while one is being written.
        checkpoints: how many new ones come first.
        seconds: how long to wait then.
    """

    signal_number: signal.Signals
    rank: int | None
    moment: str
    checkpoints: int
    seconds: float

    def __str__(self) -> str:
        sent = "kill -9" if self.signal_number == KILL else "SIGTERM"
        everybody = "all" if self.signal_number == KILL else "launcher"
        return f"{sent} {everybody if self.rank is None else f'rank {self.rank}'}"


def plan(count: int, processes: int, seed: int) -> list[Interruption]:
    """`count` random interruptions: a fifth while starting, two fifths of each other moment."""
    draw = random.Random(seed)
    moments = [(STARTING, TRAINING, WRITING, TRAINING, WRITING)[i % 5] for i in range(count)]
    draw.shuffle(moments)
    return [_draw(draw, moment, processes) for moment in moments]


def _draw(draw: random.Random, moment: str, processes: int) -> Interruption:
    """The ranks and all of them together are equally likely; `kill -9` twice as likely as not."""
    longest = {STARTING: LONGEST_START_SECONDS, TRAINING: LONGEST_STEP_SECONDS, WRITING: 0.0}
    checkpoints = {STARTING: 0, TRAINING: draw.randint(1, 3), WRITING: draw.randint(0, 2)}
    return Interruption(
        draw.choice((KILL, KILL, TERMINATE)),
        draw.choice((None, *range(processes))),
        moment,
        checkpoints[moment],
        draw.uniform(0, longest[moment]),
    )


def strike(running: Running, watch: CheckpointWatch, wanted: Interruption) -> str | None:
    """Wait for the moment and send the signal; returns when that was, or None if it was too late.

    Raises:
        RuntimeError: a process outlived it.
    """
    if wanted.moment == STARTING:
        until = time.monotonic() + wanted.seconds
        reached = running.wait(lambda: watch.new or time.monotonic() > until)
    else:
        reached = running.wait(lambda: watch.new >= wanted.checkpoints)
    if reached and wanted.moment == TRAINING:
        time.sleep(wanted.seconds)
    elif reached and wanted.moment == WRITING:
        reached = running.wait(watch.writing)
    if not reached:
        return None
    newest, seconds = watch.newest_step, running.seconds
    running.send(wanted.signal_number, wanted.rank)
    writing = watch.writing()  # looked at after the signal, which so arrived in the middle
    running.wait_for_end()
    if writing is not None:
        return f"{WHILE_WRITING} step {writing}"
    return f"after {seconds:.0f} s, " + (f"past step {newest}" if newest else "before step 1")


def interrupt(command: Sequence[str], run_dir: Path, interruptions: list[Interruption]) -> int:
    """Print a row for each; returns how many struck while a checkpoint was written.

    Raises:
        RuntimeError: the training was done too early, or a process outlived an interruption.
    """
    click.echo(HEADER)
    during_checkpoint = 0
    for number, wanted in enumerate(interruptions, start=1):
        running, watch = Running(command, run_dir.parent), CheckpointWatch(run_dir)
        when = strike(running, watch, wanted)
        if when is None:
            raise RuntimeError(f"Training ended before interruption {number}. {running.log_tail()}")
        during_checkpoint += when.startswith(WHILE_WRITING)
        step = CheckpointWatch(run_dir).first_step  # of the newest whole checkpoint
        resumed = f"step {step}" if step else "the beginning"
        click.echo(f"| {number} | {wanted} | {when} | {resumed} |")
    Running(command, run_dir.parent).finish()
    return during_checkpoint


def unequal(first: Path, second: Path) -> tuple[list[str], int]:
    """Which variables of the newest checkpoints of two runs differ in any bit; of how many.

    Raises:
        RuntimeError: the checkpoints are not of the same step.
    """
    paths = [newest_checkpoint(run / "checkpoints") for run in (first, second)]
    positions = [read_position(path) for path in paths]
    if positions[0].step != positions[1].step or positions[0].epoch != positions[1].epoch:
        raise RuntimeError(f"The runs end at different steps: {paths[0].name}, {paths[1].name}.")
    stored = [StoredVariables(path / VARIABLES_FILE) for path in paths]
    with stored[0] as a, stored[1] as b:
        names = sorted(set(a) | set(b))
        both = set(a) & set(b)
        return [n for n in names if n not in both or not _same_bits(a[n], b[n])], len(names)


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@click.command(help=__doc__.split("\n\n")[0])
@click.option("--out", type=click.Path(path_type=Path), required=True, help="For the runs.")
@click.option("--kills", type=click.IntRange(1), default=20, show_default=True)
@click.option("--processes", type=click.IntRange(2), default=2, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.argument("options", nargs=-1)
def main(out: Path, kills: int, processes: int, seed: int, options: tuple[str, ...]) -> None:
    """Train alone, train with interruptions, compare."""
    alone, interrupted = out / "alone" / "run", out / "interrupted" / "run"
    if interrupted.exists():
        raise click.UsageError(f"{interrupted} exists already; give another --out.")
    # --gloo: also where Horovod was built with MPI.
    launcher = [str(Path(sys.executable).with_name("horovodrun")), "--gloo", "-np", str(processes)]
    train = [*launcher, sys.executable, "-m", "trainer", *EXAMPLE, *options, "--run-dir"]
    try:
        Running([*train, str(alone)], alone.parent).finish()
        plans = plan(kills, processes, seed)
        writing = interrupt([*train, str(interrupted)], interrupted, plans)
        different, count = unequal(alone, interrupted)
    except RuntimeError as error:
        click.echo(f"\nNot shown: {error}", err=True)
        sys.exit(1)
    step = read_position(newest_checkpoint(alone / "checkpoints")).step
    click.echo(f"\n{kills} interruptions, {writing} of them while a checkpoint was being written.")
    if different:
        click.echo(f"NOT EQUAL after step {step}: {len(different)} of {count}: {different[:5]}")
        sys.exit(1)
    click.echo(f"Equal after step {step}: all {count} variables, bit for bit.")


if __name__ == "__main__":
    main()

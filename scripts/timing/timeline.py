#!/usr/bin/env python
"""One training step of Horovod processes, exchange by exchange, of one or several timelines.

    python -m trainer --profile ...                     # under horovodrun
    python scripts/timing/timeline.py RUN_DIR/tensorboard/horovod_timeline.json --out step.png
    python scripts/timing/timeline.py "before=old.json" "after=new.json" --out steps.png

Draws, of the step of median length in each timeline, a row per exchange: a line from when the first
process asked for it to when all had and it began, and a bar for how long it took; prints the same.
Needs the extra `sweep` (matplotlib).
"""

from __future__ import annotations

import itertools
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

SAME_BUFFER = 1000
"""Microseconds: tensors that begin so close to each other travel in one buffer."""

ABOUT = 0.05
"""Of a step's length: what is asked for within it counts as at the same time."""

FIRST = 2
"""Occurrences of a tensor that are left out: graphs are built in the first steps."""


@dataclass(frozen=True)
class Exchange:
    """One collective operation; times are microseconds.

    Attributes:
        kind: ALLREDUCE, ALLGATHER, ...
        tensor: the first tensor's name, which is the same in every step.
        asked: when the first process asked for it.
        begun, done: when all had and it began, and when it was over.
        tensors: how many travelled together.
    """

    kind: str
    tensor: str
    asked: float
    begun: float
    done: float
    tensors: int = 1


def exchanges(events: Sequence[dict[str, Any]]) -> list[Exchange]:
    """What Horovod's timeline says, in order of time.

    >>> exchanges([
    ...     {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "gradient"}},
    ...     {"ph": "B", "name": "NEGOTIATE_ALLREDUCE", "ts": 5, "pid": 1},
    ...     {"ph": "E", "ts": 8, "pid": 1},
    ...     {"ph": "B", "name": "ALLREDUCE", "ts": 9, "pid": 1},
    ...     {"ph": "E", "ts": 12, "pid": 1},
    ... ])
    [Exchange(kind='ALLREDUCE', tensor='gradient', asked=5, begun=9, done=12, tensors=1)]
    """
    labels = [event for event in events if event.get("name") == "process_name"]
    names = {label["pid"]: label["args"].get("name", "") for label in labels}
    found: list[Exchange] = []
    open_spans: dict[Any, list[dict]] = {}
    asked: dict[Any, float] = {}
    for event in events:
        tensor, spans = event.get("pid"), open_spans.setdefault(event.get("pid"), [])
        if event["ph"] == "B":
            spans.append(event)
        elif event["ph"] == "E" and spans:
            begun = spans.pop()
            if spans:
                continue  # a part of what goes on
            if begun["name"].startswith("NEGOTIATE_"):
                asked[tensor] = begun["ts"]
            elif tensor in asked:
                times = (asked.pop(tensor), begun["ts"], event["ts"])
                found.append(Exchange(begun["name"], names[tensor], *times))
    return _together(sorted(found, key=lambda exchange: exchange.begun))


def _together(single: Sequence[Exchange]) -> list[Exchange]:
    """Those of one buffer as one."""
    found: list[Exchange] = []
    for one in single:
        last = found[-1] if found else None
        if last and last.kind == one.kind and one.begun - last.begun < SAME_BUFFER:
            times = (min(last.asked, one.asked), last.begun, max(last.done, one.done))
            found[-1] = Exchange(last.kind, last.tensor, *times, last.tensors + 1)
        else:
            found.append(one)
    return found


def median_step(every: Sequence[Exchange]) -> list[Exchange]:
    """The exchanges of the step of median length.

    Steps begin with one of the exchanges that come most often, and with what is asked for at about
    the same time: which of these comes first may change from step to step.

    Raises:
        click.ClickException: there are not enough steps.
    """
    counts = Counter(exchange.tensor for exchange in every)
    first = next((e.tensor for e in every if counts[e.tensor] == max(counts.values())), None)
    starts = [exchange.asked for exchange in every if exchange.tensor == first][FIRST:]
    spans = sorted((end - start, start) for start, end in itertools.pairwise(starts))
    if not spans:
        raise click.ClickException("The timeline has fewer than four steps.")
    length, start = spans[len(spans) // 2]
    start -= ABOUT * length
    return [exchange for exchange in every if start <= exchange.asked < start + length]


def read(path: Path) -> list[Exchange]:
    """The median step of a timeline, which may lack its end: Horovod writes it as it goes on.

    Raises:
        click.ClickException: it is none.
    """
    try:
        text = path.read_text(encoding="utf-8").strip().rstrip(",")
        return median_step(exchanges(json.loads(text if text.endswith("]") else text + "]")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise click.ClickException(f"{path} is no timeline of Horovod: {error}") from None


def lines(step: Sequence[Exchange]) -> list[str]:
    """A Markdown table of a step, milliseconds from when its first exchange was asked for."""
    zero = step[0].asked
    table = ["| exchange | tensors | asked for | begins | takes |", "|---" * 5 + "|"]
    for one in step:
        asked, begun, took = (
            (t / 1000) for t in (one.asked - zero, one.begun - zero, one.done - one.begun)
        )
        table.append(f"| {one.kind} | {one.tensors} | {asked:.0f} | {begun:.0f} | {took:.1f} |")
    return table


def picture(steps: Mapping[str, Sequence[Exchange]], path: Path) -> None:
    """Draw the steps, one below the other, to the same scale.

    Raises:
        click.ClickException: there is no matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise click.ClickException("--out needs matplotlib: pip install -e '.[sweep]'") from None
    heights = [len(step) for step in steps.values()]
    figure = Figure(figsize=(9, 1.2 + 0.22 * sum(heights)), layout="constrained")
    grid = figure.subplots(len(steps), 1, sharex=True, squeeze=False, height_ratios=heights)
    for axes, (name, step) in zip(grid[:, 0], steps.items(), strict=True):
        zero = step[0].asked
        for row, one in enumerate(step):
            asked, begun, done = ((t - zero) / 1000 for t in (one.asked, one.begun, one.done))
            axes.plot([asked, begun], [row, row], color="0.6", linewidth=1)
            axes.barh(
                row, done - begun, left=begun, color="C0" if one.kind == "ALLREDUCE" else "C1"
            )
        labels = [f"{one.kind.lower()} ({one.tensors})" for one in step]
        axes.set(yticks=range(len(step)), yticklabels=labels, title=name)
        axes.invert_yaxis()
        axes.tick_params(labelsize=8)
    grid[-1, 0].set(xlabel="ms")
    figure.savefig(path, dpi=120)


@click.command(help=__doc__.split("\n\n")[0])
@click.argument("timelines", nargs=-1, required=True, metavar="[NAME=]FILE...")
@click.option("--out", type=click.Path(path_type=Path), help="The picture.")
def main(timelines: tuple[str, ...], out: Path | None) -> None:
    """Print the steps, and draw them."""
    named = [given.split("=", 1) if "=" in given else (given, given) for given in timelines]
    steps = {name: read(Path(path)) for name, path in named}
    for name, step in steps.items():
        print("\n".join([f"{name}, ms:", "", *lines(step), ""]))
    if out is not None:
        picture(steps, out)
        print(f"{out}", file=sys.stderr)


if __name__ == "__main__":
    main()

"""Which checkpoints a run has, as a table: `python -m trainer checkpoints RUN_DIR`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data_pipeline.errors import InputError
from trainer.checkpoints.checkpoint import checkpoints, damage, read_position, read_state
from trainer.records.run_directory import RunDirectory

HEADER = ("step", "epoch", "size", "files", "what", "metrics")


def checkpoint_table(directory: Path) -> str:
    """A line per checkpoint of the run in `directory`, oldest first; every file's hash is checked.

    `epoch` is how many are finished; `what` says which one is the newest whole one, from which
    training goes on, and which the best evaluated one still there.

    Raises:
        InputError: `directory` is not a run's, or holds no checkpoints.
    """
    run = RunDirectory(directory)
    run.existing_model()
    found = checkpoints(run.checkpoints)
    if not found:
        raise InputError(f"{run.checkpoints} holds no checkpoints. Train first.")
    problems = {path: damage(path) for path in found}
    whole = [path for path in found if problems[path] is None]
    newest = whole[-1] if whole else None
    best_step = read_position(newest).best.step if newest else None
    rows = [HEADER]
    for path in found:
        if problems[path] is not None:
            step = str(int(path.name.removeprefix("step-")))
            rows.append((step, "?", _size(path), f"damaged: {problems[path]}", "", ""))
            continue
        position = read_position(path)
        marks = ["newest"] * (path == newest) + ["best"] * (position.step == best_step)
        rows.append(
            (
                *(str(position.step), _epoch(position.epoch, position.step_in_epoch)),
                *(_size(path), "verified", ", ".join(marks), _metrics(path)),
            )
        )
    return _aligned(rows)


def _epoch(epoch: int, step_in_epoch: int) -> str:
    return f"{epoch} + {step_in_epoch} steps" if step_in_epoch else str(epoch)


def _size(path: Path) -> str:
    return f"{sum(file.stat().st_size for file in path.iterdir()) / 1e6:,.1f} MB"


def _metrics(path: Path) -> str:
    """The loss and what was evaluated at the end of the epoch, if one has just ended."""
    shown = read_state(path)["metrics"]
    names = [name for name in shown if name == "loss" or name.startswith("val_")]
    return "  ".join(f"{name} {shown[name]:.3f}" for name in names)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)

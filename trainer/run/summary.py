"""What the user is told at the end: what was trained, where it is, and what to do next."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

from trainer.checkpoints.position import Position
from trainer.records.run_directory import RunDirectory
from trainer.task import Task


def summary(task: Task, run: RunDirectory, position: Position, *, trained: bool) -> str:
    epochs = task.config.options.epochs
    what = "Trained" if trained else "Training was complete already:"
    what += f" {position.epoch} epochs of {task.config.model.upper()}."
    if position.epoch < epochs:
        what += f" Stopped early, of {epochs}: {_reason(task, position)}."
    program = _this_python()
    commands = [("trainer", *command) for command in task.next_commands(run.path)]
    commands.append(("tensorboard.main", "--logdir", run.path))
    lines = [f"  {shlex.join(map(str, (program, '-m', *command)))}" for command in commands]
    return "\n".join([f"{what} Run directory: {run.path}", "Next:", *lines])


def _reason(task: Task, position: Position) -> str:
    patience, best = task.config.trainer.early_stopping_patience, position.best
    if patience is None or best.evaluations_since < patience:
        return "a callback ended training"
    return (
        f"the last {best.evaluations_since} evaluations were not better than the one after step "
        f"{best.step}"
    )


def _this_python() -> str:
    """How the user can call this interpreter from the current directory."""
    if shutil.which("python") == sys.executable:
        return "python"
    relative = os.path.relpath(sys.executable)
    return sys.executable if relative.startswith("..") else relative

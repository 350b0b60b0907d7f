"""Trains every Rasa project in a folder for an epoch, and says what happened to each.

    python scripts/try_projects.py FOLDER [--out table.md] [--epochs 1]

Each project is trained by the command that a user would type, in a process of its own, with a time
limit. The table has the exit code, the stage that was reached, the models that were trained, what
was left out or warned about, and the error line of those that were refused.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

PATH = click.Path(path_type=Path)
HEADER = ("project", "exit", "stage", "seconds", "models", "left out, warned of", "message")
STAGES = (
    ("Trained", "done"),
    ("epoch ", "training"),
    ("Building the model", "building"),
    ("Preparing", "preparing data"),
    ("Project:", "configuration"),
)
"""What a line of the log begins with (or holds) once a stage is reached, the last stage first."""


@dataclass(frozen=True)
class Outcome:
    """What came of one project."""

    project: str
    exit_code: int | None
    stage: str
    seconds: float
    models: str
    warned: str
    message: str

    def row(self) -> tuple[str, ...]:
        """Its cells, by `HEADER`."""
        code = "timed out" if self.exit_code is None else str(self.exit_code)
        cells = (self.project, code, self.stage, f"{self.seconds:.0f}", self.models, self.warned)
        return (*cells, self.message)


def try_project(project: Path, epochs: int, limit: float, extra: tuple[str, ...]) -> Outcome:
    """Train one project into a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        command = [sys.executable, "-m", "trainer", "--project", str(project)]
        command += ["--run-dir", str(run_dir), "--epochs", str(epochs), *extra]
        started = time.monotonic()
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
            code, log = done.returncode, done.stdout + done.stderr
        except subprocess.TimeoutExpired as expired:
            code, log = None, "".join(map(_text, (expired.stdout, expired.stderr)))
        return Outcome(
            project.name,
            code,
            _stage(log),
            time.monotonic() - started,
            _models(run_dir),
            "; ".join(_warnings(log)),
            _error(log) if code else "",
        )


def _text(output: bytes | str | None) -> str:
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""


def _stage(log: str) -> str:
    return next((stage for mark, stage in STAGES if mark in log), "start")


def _models(run_dir: Path) -> str:
    """The models that have finished their epochs."""
    finished = []
    for record in sorted(run_dir.rglob("run.json")):
        if (record.parent / "metrics.jsonl").is_file():
            finished.append(json.loads(record.read_text(encoding="utf-8"))["model"])
    return ", ".join(finished)


def _warnings(log: str) -> list[str]:
    """What was warned of or left out, shortened, each once."""
    marks = r"is left out|is not trained|has no effect|only answer:|WARNING|warning:"
    lines = [line for line in log.splitlines() if re.search(marks, line)]
    return list(dict.fromkeys(line.strip()[:160] for line in lines))


def _error(log: str) -> str:
    lines = log.strip().splitlines() or ["nothing was said"]
    return next((line for line in reversed(lines) if line.startswith("Error:")), lines[-1])


def _markdown(outcomes: list[Outcome]) -> str:
    rows = [HEADER, tuple("---" for _ in HEADER), *(outcome.row() for outcome in outcomes)]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in rows)


@click.command()
@click.argument("folder", type=PATH)
@click.option("--out", type=PATH, help="Write the table to this file. [standard output]")
@click.option("--epochs", type=int, default=1, show_default=True)
@click.option("--limit", type=float, default=900.0, show_default=True, help="Seconds per project.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="As of `train`.")
def main(
    folder: Path, out: Path | None, epochs: int, limit: float, settings: tuple[str, ...]
) -> None:
    """Train every project in FOLDER and write a table of what happened to each."""
    projects = sorted(path for path in folder.iterdir() if path.is_dir())
    extra = tuple(word for setting in settings for word in ("--set", setting))
    outcomes = []
    for number, project in enumerate(projects, start=1):
        outcomes.append(try_project(project, epochs, limit, extra))
        last = outcomes[-1]
        click.echo(
            f"{number}/{len(projects)} {last.project}: {last.row()[1]}, {last.stage}, "
            f"{last.seconds:.0f} s. {last.message}",
            err=True,
        )
        if out is not None:
            out.write_text(_markdown(outcomes), encoding="utf-8")
    if out is None:
        click.echo(_markdown(outcomes), nl=False)
    trained = sum(outcome.exit_code == 0 for outcome in outcomes)
    click.echo(f"{trained} of {len(outcomes)} trained.", err=True)


if __name__ == "__main__":
    main()

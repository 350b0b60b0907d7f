"""The points of a sweep: which there are, and training and measuring those that are missing."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipeline.atomic_files import write_file
from data_pipeline.errors import InputError
from data_pipeline.file_hashes import sha256_of
from data_pipeline.json_differences import json_differences
from data_pipeline.messages.prepare import prepare
from data_pipeline.rasa_files.nlu_files import find_nlu_files
from trainer.config.project import Project, find_project
from trainer.errors import Stopped
from trainer.run.resolve import RunConfig, resolve_all

logger = logging.getLogger("density_sweep")

EVALUATION_FILE = "evaluation.json"
VARIED = ("connection_density", "transformer_size", "random_seed")


@dataclass(frozen=True)
class Point:
    """One training of the sweep."""

    density: float
    transformer_size: int
    seed: int

    @property
    def name(self) -> str:
        """Names its run directory."""
        return f"density-{self.density:g}_size-{self.transformer_size}_seed-{self.seed}"

    @property
    def settings(self) -> tuple[str, ...]:
        """What `--set` takes."""
        values = (self.density, self.transformer_size, self.seed)
        return tuple(f"{name}={value}" for name, value in zip(VARIED, values, strict=True))


@dataclass(frozen=True)
class Sweep:
    """All points and what they share.

    Attributes:
        source: the arguments that name the training data.
        settings: `KEY=VALUE` texts for every point.
    """

    out: Path
    source: tuple[str, ...]
    test: tuple[Path, ...]
    settings: tuple[str, ...]
    points: tuple[Point, ...]

    @classmethod
    def prepare(
        cls,
        out: Path,
        project: Path | None,
        config: Path | None,
        nlu: Sequence[Path],
        test: Sequence[Path],
        settings: Sequence[str],
        points: Sequence[Point],
    ) -> Sweep:
        """Check everything, and prepare the training data, which all points share.

        Raises:
            InputError: bad options or files, or `out` holds a sweep with other ones.
        """
        found, reason = find_project(project, config, nlu)
        logger.info("Project: %s (%s).", found.name, reason)
        # The newest checkpoint is all that a point needs; a setting of the user's comes later.
        settings = ("keep_checkpoints=1", *settings)
        resolved = [_resolved(found, settings, point) for point in points][0]
        # Checked before anything there is replaced.
        _check_same(out / "sweep.json", _shared(found, resolved, test))
        prepare(
            found.nlu,
            resolved.feature_settings,
            out / "prepared",
            processes=resolved.trainer.prepare_processes,
        )
        source = ["--config", str(found.config)]
        source += [argument for path in found.nlu for argument in ("--nlu", str(path))]
        return cls(out, tuple(source), tuple(test), settings, tuple(points))

    def run_dir(self, point: Point) -> Path:
        return self.out / "points" / point.name

    def is_done(self, point: Point) -> bool:
        return (self.run_dir(point) / EVALUATION_FILE).is_file()


def _resolved(project: Project, settings: Sequence[str], point: Point) -> RunConfig:
    try:
        return resolve_all(project, ("diet",), (*settings, *point.settings))[0]
    except InputError as error:
        raise InputError(f"{point.name}: {error}") from None


def _shared(project: Project, config: RunConfig, test: Sequence[Path]) -> dict[str, Any]:
    """All that determines the results, beside what the points differ in."""
    plain = config.to_json()
    return {
        "diet": {key: value for key, value in plain["diet"].items() if key not in VARIED},
        "trainer": {key: plain["trainer"][key] for key in ("precision", "clip_norm")},
        "training data": config.feature_settings.fingerprint(find_nlu_files(project.nlu)),
        "test data": [sha256_of(path) for path in find_nlu_files(test)],
    }


def _check_same(path: Path, shared: dict[str, Any]) -> None:
    """Points of one sweep differ in nothing else, in whichever call they were trained."""
    shared = json.loads(json.dumps(shared))
    if path.is_file():
        changed = json_differences(json.loads(path.read_text(encoding="utf-8")), shared)
        if changed:
            raise InputError(
                f"{path.parent} holds a sweep with other settings or data ({'; '.join(changed)}). "
                "Use the same to go on with it, or another --out."
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(shared, indent=1))


def run_points(sweep: Sweep, *, jobs: int, on_done: Callable[[Point], None]) -> dict[Point, Path]:
    """Train and measure every point that is not done, `jobs` at a time.

    SIGINT and SIGTERM end the running trainings after their current step, with a checkpoint each.

    Returns:
        The points that failed, and the log of each.

    Raises:
        Stopped: by one of these signals.
    """
    missing = [point for point in sweep.points if not sweep.is_done(point)]
    children = _Children()
    failed = {}
    with children.stopped_by_signals(), ThreadPoolExecutor(jobs) as pool:
        logger.info("%d points, %d of them to be trained.", len(sweep.points), len(missing))
        futures = {pool.submit(_run_point, sweep, point, children): point for point in missing}
        for future in as_completed(futures):
            point = futures[future]
            if future.result():
                on_done(point)
            elif children.stopped_by is None:
                logger.info("%s: failed.", point.name)
                failed[point] = _log(sweep, point)
    if children.stopped_by is not None:
        raise Stopped("Stopped. The same command goes on.", signal_number=children.stopped_by)
    return failed


def _log(sweep: Sweep, point: Point) -> Path:
    return sweep.run_dir(point) / "log.txt"


def _run_point(sweep: Sweep, point: Point, children: _Children) -> bool:
    """Whether the point is done now."""
    run = sweep.run_dir(point)
    run.mkdir(parents=True, exist_ok=True)
    settings = [a for text in (*sweep.settings, *point.settings) for a in ("--set", text)]
    prepared = sweep.out / "prepared"
    train = ["--model", "diet", *sweep.source, *settings]
    train += ["--prepared", prepared, "--run-dir", run]
    partial = run / f".{EVALUATION_FILE}.partial"
    tests = [argument for path in sweep.test for argument in ("--nlu", path)]
    with _log(sweep, point).open("a", encoding="utf-8") as log:
        done = children.run(["train", *train], log) and children.run(
            ["evaluate", run, *tests, "--json", partial], log
        )
    if done:
        os.replace(partial, run / EVALUATION_FILE)
    return done


class _Children:
    """The running commands, each in a session of its own so that Ctrl-C reaches only us."""

    def __init__(self) -> None:
        self.stopped_by: int | None = None
        self._running: set[subprocess.Popen] = set()
        self._lock = threading.RLock()

    def run(self, arguments: Sequence[Any], log) -> bool:
        """Run `python -m trainer ARGUMENTS`; whether it succeeded."""
        command = [sys.executable, "-m", "trainer", *map(str, arguments)]
        with self._lock:
            if self.stopped_by is not None:
                return False
            process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
            self._running.add(process)
        code = process.wait()
        with self._lock:
            self._running.discard(process)
        return code == 0

    def stop(self, number: int, _frame: Any) -> None:
        """Ask all to stop, once: a second signal would end them without a checkpoint."""
        with self._lock:
            if self.stopped_by is None:
                logger.info("Stopping the running trainings after their current steps.")
                self.stopped_by = number
                for process in self._running:
                    process.terminate()

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        before = {n: signal.signal(n, self.stop) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

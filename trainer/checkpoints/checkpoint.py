"""Checkpoints: everything needed to go on as if nothing had happened, or nothing at all.

A checkpoint is a folder `step-000001234/` with

* `variables.npz`: every variable of the model, the optimizer and the loss scale, by name (see
  `variables_file.py`);
* `state.json`: the position in the plan with the best evaluation so far, figures, what callers keep
  beside it, and the SHA-256 of the other.

A folder with that name is complete (`data_pipeline/atomic_files.py`). Reading is strict: a missing,
left-over or ill-shaped variable is an error.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.atomic_files import published_folder, recover_all
from data_pipeline.errors import InputError
from data_pipeline.file_hashes import sha256_of
from trainer.checkpoints.position import Position
from trainer.checkpoints.row_blocks import bytes_of, values_of
from trainer.checkpoints.snapshot import Snapshot, SnapshotFile, as_array
from trainer.checkpoints.variables_file import StoredVariables, write_variables

logger = logging.getLogger(__name__)

VARIABLES_FILE = "variables.npz"
STATE_FILE = "state.json"


class Checkpointer:
    """Saves and restores a set of named variables together with a `Position`.

    >>> checkpointer = Checkpointer(directory, {"model": model.variables})      # doctest: +SKIP
    >>> position = checkpointer.restore()                                       # doctest: +SKIP
    """

    def __init__(
        self,
        directory: Path,
        variables: Mapping[str, Sequence[Any]],
        *,
        keep: int = 3,
        keep_best: bool = False,
    ):
        """`variables` are Keras variables by group, e.g. `model`.

        The newest `keep` checkpoints stay, and with `keep_best` that of the best evaluation.
        """
        self._directory = directory
        self._variables = _named(variables)
        self._keep = keep
        self._keep_best = keep_best
        self._passed_over: set[Path] = set()
        self._snapshots = SnapshotFile(directory)

    @property
    def bytes(self) -> int:
        """How much the variables hold."""
        return sum(map(bytes_of, self._variables.values()))

    def copy(self) -> dict[str, np.ndarray]:
        """The variables' values now, to be saved while they go on changing."""
        return {name: _view(variable).copy() for name, variable in self._variables.items()}

    def make_room(self) -> None:
        """Prepare for `snapshot`, which else takes longer the first time.

        Raises:
            InputError: the disk is full or may not be written.
        """
        try:
            self._snapshots.make_room(self.bytes)
        except OSError as error:
            raise self._cannot_write(error) from error

    def snapshot(self) -> Snapshot:
        """The same, on disk: it takes no memory. The snapshot before is lost.

        Raises:
            InputError: as above.
        """
        try:
            return self._snapshots.take(self._variables.items())
        except OSError as error:
            raise self._cannot_write(error) from error

    def put_back(self, values: Mapping[str, np.ndarray]) -> None:
        """Give the variables the values that `copy` returned."""
        _assign(self._variables, values, self._directory)

    def save(
        self, position: Position, values: Mapping[str, np.ndarray] | None = None, **state: Any
    ) -> Path:
        """Write a checkpoint; `state` (JSON-able) is kept beside the position.

        Args:
            values: what `copy` or `snapshot` gave at `position`; None = the variables as they are.

        Raises:
            InputError: the disk is full or may not be written; earlier checkpoints are untouched.
        """
        path = _path_of_step(self._directory, position.step)
        try:
            with published_folder(path) as folder:
                _write(folder, values or self._variables, {"position": position.to_json(), **state})
        except OSError as error:
            raise self._cannot_write(error) from error
        self._passed_over.discard(path)
        self._remove_outdated(path, position.best.step if self._keep_best else None)
        return path

    def _cannot_write(self, error: OSError) -> InputError:
        return InputError(
            f"Cannot write a checkpoint to {self._directory}: {error.strerror or error}. "
            "Earlier checkpoints are untouched; make room and run the same command to go on."
        )

    def restore(self) -> Position | None:
        """Load the newest checkpoint that is whole; None if there is none.

        A damaged one is passed over with a warning.

        Raises:
            InputError: all are damaged, or the newest whole one is of another model.
        """
        found = checkpoints(self._directory)
        whole = _newest_whole(found)
        if whole is not None:
            self._passed_over = set(found[found.index(whole) + 1 :])
            return self._load(whole)
        if found:
            raise InputError(
                f"All {len(found)} checkpoints in {self._directory} are damaged. "
                "Start over in a new directory with --fresh."
            )
        return None

    def _load(self, path: Path) -> Position:
        with StoredVariables(path / VARIABLES_FILE) as stored:
            _assign(self._variables, stored, path)
        return read_position(path)

    def _remove_outdated(self, newest: Path, best_step: int | None) -> None:
        """Remove what is older than the `keep` newest whole ones, of which `newest` is the last.

        Later steps than its are those of damaged checkpoints, which were passed over; they are
        replaced or removed when training comes by.
        """
        so_far = [path for path in checkpoints(self._directory) if path <= newest]
        kept = [path for path in so_far if path not in self._passed_over][-self._keep :]
        if best_step is not None:
            kept.append(_path_of_step(self._directory, best_step))
        outdated = [path for path in so_far if path not in kept]
        # Nobody else writes here: the others are of processes that were killed while they did.
        for path in (*outdated, *self._directory.glob(".step-*")):
            shutil.rmtree(path, ignore_errors=True)


def checkpoints(directory: Path) -> list[Path]:
    """The published checkpoints in `directory`, oldest first.

    One that a process was replacing when it was killed is put back first.
    """
    recover_all(directory)
    return sorted(path for path in directory.glob("step-*") if path.is_dir())


def newest_checkpoint(directory: Path) -> Path:
    """The newest whole checkpoint in `directory`.

    Raises:
        InputError: there is none.
    """
    path = _newest_whole(checkpoints(directory))
    if path is None:
        raise InputError(f"{directory} holds no usable checkpoint. Train first.")
    return path


def _newest_whole(found: list[Path]) -> Path | None:
    for path in reversed(found):
        problem = damage(path)
        if problem is None:
            return path
        logger.warning("Passing over the checkpoint %s: %s", path, problem)
    return None


def answering_checkpoint(directory: Path, *, best: bool) -> Path:
    """The checkpoint whose model is the result of training.

    Args:
        best: whether that is the one of the best evaluation (`checkpoint_model`), if there was one;
            otherwise, or if that one is damaged, it is the newest.

    Raises:
        InputError: there is none.
    """
    newest = newest_checkpoint(directory)
    step = read_position(newest).best.step if best else None
    if step is None:
        return newest
    path = _path_of_step(directory, step)
    problem = damage(path)
    if problem is None:
        return path
    logger.warning("Taking %s, since the best, %s, is damaged: %s", newest, path, problem)
    return newest


def read_position(path: Path) -> Position:
    """How far training had come at the checkpoint `path`."""
    return Position.from_json(read_state(path)["position"])


def read_state(path: Path) -> dict[str, Any]:
    """What `state.json` of the checkpoint `path` says."""
    return json.loads((path / STATE_FILE).read_text(encoding="utf-8"))


def load_variables(path: Path, group: str, variables: Sequence[Any]) -> None:
    """Load one group of variables, e.g. only `model`, from the checkpoint `path`."""
    with StoredVariables(path / VARIABLES_FILE) as stored:
        wanted = {name: stored[name] for name in stored if name.startswith(f"{group}/")}
    _assign(_named({group: variables}), wanted, path)


def damage(path: Path) -> str | None:
    """What is wrong with the checkpoint's files, or None."""
    try:
        recorded = read_state(path)["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{STATE_FILE} cannot be read ({error})"
    if not (path / VARIABLES_FILE).is_file():
        return f"{VARIABLES_FILE} is missing"
    if sha256_of(path / VARIABLES_FILE) != recorded:
        return f"{VARIABLES_FILE} is truncated or altered"
    return None


def _path_of_step(directory: Path, step: int) -> Path:
    return directory / f"step-{step:09d}"


def _named(groups: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    named = {f"{group}/{v.path}": v for group, variables in groups.items() for v in variables}
    expected = sum(len(variables) for variables in groups.values())
    if len(named) != expected:
        raise ValueError(f"{expected} variables have only {len(named)} distinct names.")
    return named


def _assign(variables: Mapping[str, Any], stored: Mapping[str, np.ndarray], path: Path) -> None:
    names = set(stored)
    problems = [f"{name} is missing" for name in variables.keys() - names]
    problems += [f"{name} is not part of the model" for name in names - variables.keys()]
    if not problems:
        for name, variable in variables.items():
            array = stored[name]
            if array.shape != tuple(variable.shape):
                problems.append(f"{name} has shape {array.shape}, not {tuple(variable.shape)}")
            else:
                variable.assign(array)
    if problems:
        shown = "; ".join(sorted(problems)[:3])
        raise InputError(
            f"The checkpoint {path} is not of this model ({len(problems)} differences: {shown}). "
            "Use the options it was trained with, or --fresh for a new directory."
        )


def _write(directory: Path, variables: Mapping[str, Any], state: dict[str, Any]) -> None:
    with (directory / VARIABLES_FILE).open("wb") as file:
        write_variables(file, ((name, _view(v)) for name, v in variables.items()))
    state = {**state, "sha256": sha256_of(directory / VARIABLES_FILE)}
    text = json.dumps(state, indent=1, default=dict)
    (directory / STATE_FILE).write_text(text, encoding="utf-8")


def _view(variable: Any) -> np.ndarray:
    """The variable's values without a copy; `keras.ops.convert_to_numpy` makes two."""
    if isinstance(variable, np.ndarray):
        return variable
    return as_array(values_of(variable))

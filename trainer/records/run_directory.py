"""The folder of one run: what is where, and what it was configured with.

| name | what |
|---|---|
| `run.json` | the resolved configuration, the data set's fingerprint, versions |
| `prepared/` | the prepared data set, unless one was given |
| `pipeline.json` | of DIET: tokenizer, featurizers, labels, tags: what answering needs |
| `dialogue.json`, `pipelines/` | of TED: the domain, and what featurizes texts of dialogues |
| `thresholds.json` | of unexpected intents: below which similarity they are that |
| `ted/`, … | the runs of the other models, where several are trained |
| `checkpoints/` | `step-…/`, see `trainer/checkpoints/checkpoint.py` |
| `metrics.jsonl` | one line per epoch |
| `tensorboard/` | event files |
| `owner.json` | who trains here at the moment, see `trainer/records/run_lock.py` |
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from data_pipeline.atomic_files import write_file
from data_pipeline.errors import InputError
from trainer.config.run_config import Fitted, RunConfig

RUN_FILE = "run.json"
Config = TypeVar("Config", bound=RunConfig)


@dataclass(frozen=True)
class RunDirectory:
    """A run's folder, by path."""

    path: Path

    @property
    def prepared(self) -> Path:
        return self.path / "prepared"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    def create(self) -> None:
        """Make the folder.

        Raises:
            InputError: it cannot be made or written to.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path) as file:
                file.write(b"x" * 4096)
                file.flush()
        except OSError as error:
            raise InputError(
                f"Cannot write to the run directory {self.path}: {error.strerror or error}. "
                "Choose another with --run-dir."
            ) from None

    def record(self, facts: dict[str, Any], fitted: Fitted) -> None:
        """Write `run.json` and what was learnt from the data; each replaces the old one whole."""
        fitted.save(self.path)
        write_file(self.path / RUN_FILE, json.dumps(facts, indent=1, ensure_ascii=False))

    def facts(self) -> dict[str, Any] | None:
        """What `record` wrote, or None in a new directory."""
        path = self.path / RUN_FILE
        if not path.is_file():
            return None
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise InputError(f"{path} is damaged. Start over with --fresh.") from None

    def model(self) -> str | None:
        """The name of the model that is trained here, or None in a new directory.

        Raises:
            InputError: `run.json` is damaged, or not one that this version writes.
        """
        facts = self.facts()
        if facts is None:
            return None
        try:
            # Before there were more than two, `run.json` did not name the model.
            return facts.get("model") or ("ted" if "ted" in facts["config"] else "diet")
        except (AttributeError, KeyError, TypeError) as error:
            raise self._not_ours(error) from None

    def existing_model(self) -> str:
        """The same of a run that has begun.

        Raises:
            InputError: this is not a run's directory, or `run.json` is damaged.
        """
        model = self.model()
        if model is None:
            raise InputError(
                f"{self.path} is not a run directory: it has no {RUN_FILE}. "
                "Give the directory that training printed."
            )
        return model

    def recorded(self, kind: type[Config]) -> tuple[Config, str]:
        """The configuration and the data set's fingerprint of a run of this kind that has begun.

        Raises:
            InputError: `run.json` is damaged, or not one that this version writes.
        """
        facts: Any = self.facts()
        try:
            return kind.from_json(facts["config"]), facts["fingerprint"]
        except (ValueError, KeyError, TypeError) as error:
            raise self._not_ours(error) from None

    def load(self, kind: type[Config]) -> tuple[Config, Any]:
        """The configuration of a run that has begun, and what it learnt from its data.

        Raises:
            InputError: this is not a run's directory, or of another model.
        """
        model = self.existing_model()
        if model != kind.model:
            raise InputError(
                f"{self.path} is a run of {model.upper()}, not of {kind.model.upper()}."
            )
        config, _ = self.recorded(kind)
        try:
            return config, kind.fitted.load(self.path)
        except InputError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self.path / kind.fitted_file} is missing or damaged ({error}). "
                "The same training command writes it again."
            ) from None

    def _not_ours(self, error: Exception) -> InputError:
        return InputError(
            f"{self.path / RUN_FILE} is not what this version writes ({error}). "
            "Start over with --fresh."
        )


def run_of(model: str, path: Path) -> Path:
    """The run of this model that is meant by `path`: that directory, or the one of its name in it.

    Raises:
        InputError: neither is a run of this model.
    """
    for directory in (path, path / model):
        if RunDirectory(directory).model() == model:
            return directory
    raise InputError(f"{path} holds no run of {model.upper()}. Train one (--model {model}).")


def runs_in(path: Path) -> list[RunDirectory]:
    """The runs of one training: that in `path`, and of other models those in its folders."""
    folders = (
        sorted(folder for folder in path.iterdir() if folder.is_dir()) if path.is_dir() else []
    )
    return [run for run in map(RunDirectory, (path, *folders)) if run.model() is not None]


def fresh_directory(path: Path) -> Path:
    """`path` if it is new, else the first of `path-2`, `path-3`, … that is."""
    if not path.exists():
        return path
    if path.name in ("", ".."):  # of `.`, `..` and `a/..`
        path = path.resolve()
    number = 2
    while path.with_name(f"{path.name}-{number}").exists():
        number += 1
    return path.with_name(f"{path.name}-{number}")

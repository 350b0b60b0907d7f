"""Where a run's inputs are: a Rasa project directory, or files named one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_pipeline.errors import InputError

CONFIG_FILE = "config.yml"
TRAINER_FILE = "trainer.yml"
DATA_FOLDER = "data"
BUNDLED_EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "pizza"


@dataclass(frozen=True)
class Project:
    """The input files of a run.

    Attributes:
        name: names the run directory when none is given.
        config: Rasa's `config.yml`.
        nlu: files or folders with NLU training data.
        trainer_config: `trainer.yml` beside `config.yml`, if there is one.
    """

    name: str
    config: Path
    nlu: tuple[Path, ...]
    trainer_config: Path | None

    @classmethod
    def from_directory(cls, directory: Path) -> Project:
        """A directory with `config.yml` and `data/`.

        Raises:
            InputError: it is missing, or one of these is.
        """
        if not directory.is_dir():
            raise InputError(f"The project {directory} does not exist or is not a directory.")
        for name in (CONFIG_FILE, DATA_FOLDER):
            if not (directory / name).exists():
                raise InputError(
                    f"{directory} is not a Rasa project: it has no {name}. "
                    "Give --project DIR, or --config FILE with --nlu PATH."
                )
        config, data = directory / CONFIG_FILE, directory / DATA_FOLDER
        return cls(directory.resolve().name, config, (data,), _trainer_file(config))

    @classmethod
    def from_files(cls, config: Path, nlu: Sequence[Path]) -> Project:
        """A configuration and training data that are not laid out as a project."""
        if not config.is_file():
            raise InputError(f"The configuration {config} does not exist or is not a file.")
        return cls(config.resolve().parent.name, config, tuple(nlu), _trainer_file(config))


def find_project(
    directory: Path | None, config: Path | None, nlu: Sequence[Path]
) -> tuple[Project, str]:
    """The project the user means, and why in a few words.

    What is named on the command line; else the current directory if it is a project; else the
    bundled example.

    Raises:
        InputError: contradicting or incomplete choices, or no such project.
    """
    if directory is not None:
        if config is not None or nlu:
            raise InputError("--project cannot be combined with --config or --nlu: choose one way.")
        return Project.from_directory(directory), "--project"
    if config is not None or nlu:
        if config is None or not nlu:
            missing = "--nlu PATH" if config else "--config FILE"
            raise InputError(f"--config and --nlu belong together: {missing} is missing.")
        return Project.from_files(config, nlu), "--config and --nlu"
    here = Path.cwd()
    if (here / CONFIG_FILE).is_file() and (here / DATA_FOLDER).is_dir():
        return Project.from_directory(here), "the current directory"
    if not BUNDLED_EXAMPLE.is_dir():
        raise InputError("There is no Rasa project here. Give --project DIR.")
    return Project.from_directory(BUNDLED_EXAMPLE), "the bundled example; none was given"


def _trainer_file(config: Path) -> Path | None:
    path = config.with_name(TRAINER_FILE)
    return path if path.is_file() else None

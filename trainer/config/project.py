"""Where a run's inputs are: a Rasa project directory, or files named one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_pipeline.dialogue.stories.story_files import is_story_file
from data_pipeline.errors import InputError
from data_pipeline.rasa_files.finding import files_below
from data_pipeline.rasa_files.nlu_files import is_nlu_file

CONFIG_FILE = "config.yml"
DOMAIN_FILE, DOMAIN_FOLDER = "domain.yml", "domain"
TRAINER_FILE = "trainer.yml"
DATA_FOLDER = "data"

_PACKAGE = Path(__file__).resolve().parents[1]
# A wheel carries the examples inside of the package (setup.py); in a checkout they lie beside it.
_INSTALLED = (_PACKAGE / "examples").is_dir()
BUNDLED_EXAMPLE = (_PACKAGE if _INSTALLED else _PACKAGE.parent) / "examples" / "pizza"


@dataclass(frozen=True)
class Project:
    """The input files of a run.

    Attributes:
        name: names the run directory when none is given.
        config: Rasa's `config.yml`.
        nlu: files or folders with NLU training data.
        domain: files or folders with the domain; none if there is none.
        stories: files or folders that may hold stories.
        trainer_config: `trainer.yml` beside `config.yml`, if there is one.
    """

    name: str
    config: Path
    nlu: tuple[Path, ...]
    trainer_config: Path | None
    domain: tuple[Path, ...] = ()
    stories: tuple[Path, ...] = ()

    @classmethod
    def from_directory(cls, directory: Path) -> Project:
        """A directory with `config.yml` and `data/`, perhaps also with a domain.

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
        places = [directory / name for name in (DOMAIN_FILE, DOMAIN_FOLDER)]
        return cls(
            directory.resolve().name,
            config,
            (data,),
            _trainer_file(config),
            # Beside the file the folder is not read, as in Rasa.
            domain=tuple(place for place in places if place.exists())[:1],
            stories=(data,),
        )

    @classmethod
    def from_files(
        cls,
        config: Path,
        nlu: Sequence[Path],
        domain: Sequence[Path] = (),
        stories: Sequence[Path] = (),
    ) -> Project:
        """A configuration and training data that are not laid out as a project."""
        if not config.is_file():
            raise InputError(f"The configuration {config} does not exist or is not a file.")
        name = config.resolve().parent.name
        trainer_config = _trainer_file(config)
        return cls(name, config, tuple(nlu), trainer_config, tuple(domain), tuple(stories))

    @property
    def has_dialogues(self) -> bool:
        """Whether there is what TED is trained on: a domain and stories."""
        return bool(self.domain) and any(map(is_story_file, _files(self.stories)))

    @property
    def nlu_if_any(self) -> tuple[Path, ...]:
        """`nlu`, but nothing if there is no NLU training data in it."""
        return self.nlu if any(map(is_nlu_file, _files(self.nlu))) else ()


def find_project(
    directory: Path | None,
    config: Path | None,
    nlu: Sequence[Path],
    domain: Sequence[Path] = (),
    stories: Sequence[Path] = (),
) -> tuple[Project, str]:
    """The project the user means, and why in a few words.

    What is named on the command line; else the current directory if it is a project; else the
    bundled example.

    Raises:
        InputError: contradicting or incomplete choices, or no such project.
    """
    files = {"--nlu": nlu, "--domain": domain, "--stories": stories}
    given = [name for name, paths in files.items() if paths]
    if directory is not None:
        if config is not None or given:
            names = given[0] if given else "--nlu"
            raise InputError(
                f"--project cannot be combined with --config or {names}: choose one way."
            )
        return Project.from_directory(directory), "--project"
    if config is not None or given:
        return _named_files(config, given, nlu, domain, stories)
    here = Path.cwd()
    if (here / CONFIG_FILE).is_file() and (here / DATA_FOLDER).is_dir():
        return Project.from_directory(here), "the current directory"
    if not BUNDLED_EXAMPLE.is_dir():
        raise InputError("There is no Rasa project here. Give --project DIR.")
    return Project.from_directory(BUNDLED_EXAMPLE), "the bundled example; none was given"


def _named_files(
    config: Path | None,
    given: list[str],
    nlu: Sequence[Path],
    domain: Sequence[Path],
    stories: Sequence[Path],
) -> tuple[Project, str]:
    if bool(domain) != bool(stories):
        missing = "--stories PATH" if domain else "--domain FILE"
        raise InputError(f"--domain and --stories belong together: {missing} is missing.")
    if config is None or not given:
        missing = "--nlu PATH" if config else "--config FILE"
        belong = given[0] if given else "--nlu"
        raise InputError(f"--config and {belong} belong together: {missing} is missing.")
    project = Project.from_files(config, nlu, domain, stories)
    return project, ", ".join(["--config", *given[:-1]]) + f" and {given[-1]}"


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield from files_below(path)


def _trainer_file(config: Path) -> Path | None:
    path = config.with_name(TRAINER_FILE)
    return path if path.is_file() else None

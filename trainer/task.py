"""One model to train on one project: all that the rest of the trainer knows of a model.

A new model is a room of its own (such as `trainer/diet/`) with a class that implements `Task`, and
one entry in `trainer/models.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Protocol

import keras

from data_pipeline.batches.dataset import BatchSource
from model.options.shared import SharedOptions
from trainer.config.options import TrainerOptions
from trainer.config.project import Project
from trainer.config.rasa_config import RasaConfig
from trainer.config.run_config import Fitted, RunConfig
from trainer.records.run_directory import RunDirectory
from trainer.roles import Role
from trainer.signatures.exported_model import ExportedModel
from trainer.signatures.served_model import ServedModel


@dataclass(frozen=True)
class TrainingData:
    """A prepared data set.

    Attributes:
        store: the examples.
        fingerprint: equal for equal sources and settings.
        fitted: what was learnt from the data, by which the model answers.
        sources: the training files and folders, if there are any.
    """

    store: BatchSource
    fingerprint: str
    fitted: Fitted
    sources: tuple[Path, ...] = ()

    def facts(self, config: RunConfig) -> dict[str, Any]:
        """What `run.json` says of every run on this data."""
        packages = ("tensorflow", "keras", "numpy")
        return {
            "model": config.model,
            "config": config.to_json(),
            "fingerprint": self.fingerprint,
            "examples": len(self.store),
            "sources": [str(path.resolve()) for path in self.sources],
            "versions": {package: version(package) for package in packages},
        }


@dataclass(frozen=True)
class Evaluation:
    """How good a trained model is on test data.

    Attributes:
        figures: what `--json` writes; the names are documented in `docs/files.md`.
        tables: texts to be shown, by their titles.
        failures: what went wrong, as text; None = not told.
    """

    figures: dict[str, Any]
    tables: dict[str, str]
    failures: str | None = None


class Trained(Protocol):
    """What a run came to, ready to answer."""

    @property
    def config(self) -> RunConfig: ...

    @property
    def model(self) -> keras.Model: ...

    @property
    def step(self) -> int:
        """Finished training steps of its checkpoint."""

    @property
    def fitted(self) -> Fitted:
        """What was learnt from the data before training."""


class Start(Protocol):
    """What a run starts from, if not from random weights."""

    def to_json(self) -> dict[str, str]:
        """What `run.json` records as `init_from`."""

    def initialise(self, trainer: Any, fitted: Any, seed: int) -> None:
        """Give the chief's variables their first values."""


class Task(Protocol):
    """One model to train on one project.

    Attributes:
        model: its name, as in `--model diet` and `--set diet.epochs=5`.
        section: where `config.yml` has its options: `pipeline` or `policies`.
        component: the name of the component there.
        options: Rasa's options of it.
        config_class: the class of its configuration.
        test_data: what it is evaluated on: `nlu` or `stories`.
        role: what it is asked when it is trained; `load` and `exported` give what answers so.
        starts_from_earlier_run: whether `--init-from` is for it.
    """

    model: ClassVar[str]
    section: ClassVar[str]
    component: ClassVar[str]
    options: ClassVar[type[SharedOptions]]
    config_class: ClassVar[type[RunConfig]]
    test_data: ClassVar[str]
    role: ClassVar[Role]
    starts_from_earlier_run: ClassVar[bool]

    def __init__(self, project: Project, config: Any) -> None: ...

    @property
    def config(self) -> RunConfig:
        """An instance of `config_class`."""

    @property
    def start(self) -> Start | None:
        """What the run starts from; None = random weights."""

    @classmethod
    def lacks(cls, project: Project) -> str | None:
        """What the project has not and training needs, in words; None = nothing."""

    @classmethod
    def configured(cls, options: Any, rasa: RasaConfig, trainer: TrainerOptions) -> RunConfig:
        """The configuration of a run.

        Args:
            options: of the model, an instance of its `options`; from the command line included.
        """

    def lacks_examples(self) -> str | None:
        """Why there is nothing to learn with this configuration, in words; None = there is."""

    def starting_from(self, given: Path | None, run: RunDirectory) -> Task:
        """The task of starting from an earlier run: from `given`, or as `run` has been started.

        Args:
            given: None, unless the model `starts_from_earlier_run`.

        Raises:
            InputError: that is not possible.
        """

    def fingerprint(self) -> str:
        """What the fingerprint of the data set prepared now would be.

        Raises:
            InputError: the files cannot be read.
        """

    def prepare(self, directory: Path) -> TrainingData:
        """Prepare the data set, unless it is in `directory` already.

        Raises:
            InputError: the data cannot be used.
        """

    def open(self, directory: Path, *, is_chief: bool) -> TrainingData:
        """A data set prepared before; the chief checks it against the project.

        Raises:
            InputError: it is damaged or of something else.
        """

    @property
    def balances_held_out(self) -> bool:
        """Whether held-out examples are drawn label by label."""

    def make_model(self, fitted: Any) -> keras.Model:
        """An unbuilt model, by what was learnt from its data.

        Raises:
            InputError: the options do not fit the data.
        """

    def conclude(self, run: RunDirectory, data: TrainingData) -> None:
        """Learn and write what only the trained model can tell; by the chief, at the end."""

    def next_commands(self, run: Path) -> list[tuple[str | Path, ...]]:
        """What to do with the trained run: the words of commands after `python -m trainer`."""

    @staticmethod
    def load(directory: Path) -> Trained:
        """What the run in `directory` came to.

        Raises:
            InputError: it is not a run of this model, or holds no usable checkpoint.
        """

    @staticmethod
    def evaluate(runs: Sequence[Any], paths: Sequence[Path]) -> Evaluation:
        """How good the runs of this model are on test files: one run, or one per component.

        Raises:
            InputError: the files hold no test data.
        """

    @staticmethod
    def served(trained: Any, sources: Sequence[Path], *, leave_out_regexes: bool) -> ServedModel:
        """What of a trained model is exported.

        Args:
            trained: what `load` gave.
            sources: the files and folders that it was trained on, if the run knows them.
            leave_out_regexes: whether to do without regexes that have no form in the graph.
        """

    @staticmethod
    def exported(exported: ExportedModel) -> Any:
        """What answers for an exported model, in its role, by the SavedModel alone.

        Raises:
            InputError: it has not the signature for that.
        """

"""TED on a project's stories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.prepare_dialogues import (
    origin_of,
    prepare_dialogues,
)
from data_pipeline.dialogue.prepared_dialogues import open_dialogues
from model.ted.options import TEDOptions
from model.ted.ted import TED
from trainer.config.options import TrainerOptions
from trainer.config.project import Project
from trainer.config.rasa_config import POLICIES, RasaConfig
from trainer.dialogues.stories_of_project import (
    PreparedStories,
    lacks_stories,
    next_commands,
)
from trainer.records.run_directory import RunDirectory
from trainer.roles import Role
from trainer.signatures.exported_model import ExportedModel
from trainer.signatures.served_model import ServedModel
from trainer.task import Evaluation, TrainingData
from trainer.ted.config import COMPONENT, TEDConfig
from trainer.ted.evaluate import evaluate
from trainer.ted.exported import ExportedTED
from trainer.ted.making import make_ted
from trainer.ted.served import served_ted
from trainer.ted.trained import TrainedTED

STORIES = PreparedStories(prepare_dialogues, open_dialogues, origin_of)


@dataclass(frozen=True)
class TEDTask:
    """Implements `Task`."""

    model: ClassVar[str] = TEDConfig.model
    section: ClassVar[str] = POLICIES
    component: ClassVar[str] = COMPONENT
    options: ClassVar[type] = TEDOptions
    config_class: ClassVar[type] = TEDConfig
    role: ClassVar[Role] = Role.ACTS
    test_data: ClassVar[str] = "stories"
    starts_from_earlier_run: ClassVar[bool] = False

    project: Project
    config: TEDConfig
    start: None = None

    @classmethod
    def lacks(cls, project: Project) -> str | None:
        return lacks_stories(project)

    @classmethod
    def configured(
        cls, options: TEDOptions, rasa: RasaConfig, trainer: TrainerOptions
    ) -> TEDConfig:
        return TEDConfig(rasa.featurizing(), options, trainer)

    def lacks_examples(self) -> str | None:
        return None

    def starting_from(self, given: Path | None, run: RunDirectory) -> TEDTask:
        return self

    def fingerprint(self) -> str:
        return STORIES.fingerprint(self.project, self.config)

    def prepare(self, directory: Path) -> TrainingData:
        return STORIES.prepare(self.project, self.config, directory)

    def open(self, directory: Path, *, is_chief: bool) -> TrainingData:
        return STORIES.open(self.project, self.config, directory, is_chief=is_chief)

    @property
    def balances_held_out(self) -> bool:
        return not self.config.ted.full_dialogue

    def make_model(self, fitted: DialogueFeaturizer) -> TED:
        return make_ted(self.config, fitted, self.config.trainer.precision)

    def conclude(self, run: RunDirectory, data: TrainingData) -> None:
        """The checkpoint says it all."""

    def next_commands(self, run: Path) -> list[tuple[str | Path, ...]]:
        return next_commands(run)

    @staticmethod
    def load(directory: Path) -> TrainedTED:
        return TrainedTED.load(directory)

    @staticmethod
    def evaluate(runs: Sequence[TrainedTED], paths: Sequence[Path]) -> Evaluation:
        return evaluate(runs[0], paths)

    @staticmethod
    def served(
        trained: TrainedTED, sources: Sequence[Path], *, leave_out_regexes: bool
    ) -> ServedModel:
        return served_ted(trained)

    @staticmethod
    def exported(exported: ExportedModel) -> ExportedTED:
        return ExportedTED(exported)

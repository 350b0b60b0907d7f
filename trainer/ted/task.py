"""TED on a project's stories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.prepare_dialogues import (
    DialogueSources,
    check_same_stories,
    origin_of,
    prepare_dialogues,
)
from data_pipeline.dialogue.prepared_dialogues import PreparedDialogues, open_dialogues
from data_pipeline.errors import InputError
from model.ted.options import TEDOptions
from model.ted.ted import TED
from trainer.config.options import TrainerOptions
from trainer.config.project import Project
from trainer.config.rasa_config import POLICIES, RasaConfig
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
        return None if project.has_dialogues else "there is no domain with stories"

    @classmethod
    def configured(
        cls, options: TEDOptions, rasa: RasaConfig, trainer: TrainerOptions
    ) -> TEDConfig:
        return TEDConfig(rasa.featurizing(), options, trainer)

    def lacks_examples(self) -> str | None:
        return None

    def starting_from(self, given: Path | None, run: RunDirectory) -> TEDTask:
        if given is not None:
            raise InputError(
                "--init-from starts DIET from an earlier run; TED is trained from scratch. "
                "Give --model diet with it."
            )
        return self

    @cached_property
    def _sources(self) -> DialogueSources:
        project = self.project
        return DialogueSources(project.domain, project.stories, project.nlu_if_any)

    def fingerprint(self) -> str:
        settings, text_features = self.config.dialogue_settings, self.config.text_features
        return origin_of(self._sources, settings, text_features).fingerprint

    def prepare(self, directory: Path) -> TrainingData:
        return _data(
            prepare_dialogues(
                self._sources,
                self.config.dialogue_settings,
                directory,
                text_features=self.config.text_features,
            )
        )

    def open(self, directory: Path, *, is_chief: bool) -> TrainingData:
        prepared = open_dialogues(directory, verify=is_chief)
        if is_chief:
            check_same_stories(directory, prepared.fingerprint, self.fingerprint)
        return _data(prepared)

    @property
    def balances_held_out(self) -> bool:
        return not self.config.ted.full_dialogue

    def make_model(self, fitted: DialogueFeaturizer) -> TED:
        return make_ted(self.config, fitted, self.config.trainer.precision)

    def conclude(self, run: RunDirectory, data: TrainingData) -> None:
        """The checkpoint says it all."""

    def next_commands(self, run: Path) -> list[tuple[str | Path, ...]]:
        return [
            ("evaluate", run, "--stories", "TEST_STORIES"),
            ("predict", run, "--stories", "STORIES"),
            ("export", run),
        ]

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


def _data(prepared: PreparedDialogues) -> TrainingData:
    return TrainingData(prepared.store, prepared.fingerprint, prepared.featurizer)

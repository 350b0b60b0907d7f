"""DIET on a project's NLU data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from data_pipeline.entities.regex_extractor import EntityPatterns, RegexEntityExtractor
from data_pipeline.messages.feature_settings import (
    FeatureSettings,
    check_same_files,
    check_same_settings,
)
from data_pipeline.messages.fitted_pipeline import FittedPipeline
from data_pipeline.messages.prepare import prepare
from data_pipeline.messages.prepared import PreparedDataset, open_prepared
from data_pipeline.rasa_files.nlu_files import find_nlu_files
from model.diet.diet import DIET
from model.diet.options import DIETOptions
from trainer.config.options import TrainerOptions
from trainer.config.project import Project
from trainer.config.rasa_config import PIPELINE, RasaConfig
from trainer.diet.config import COMPONENT, SYNONYM_MAPPER, DIETConfig, RegexExtractorPlace
from trainer.diet.evaluate import evaluate
from trainer.diet.exported import ExportedDIET
from trainer.diet.making import make_diet
from trainer.diet.served import served_diet
from trainer.diet.trained import TrainedDIET
from trainer.diet.warm_start import WarmStart
from trainer.records.run_directory import RunDirectory
from trainer.roles import Role
from trainer.signatures.exported_model import ExportedModel
from trainer.signatures.served_model import ServedModel
from trainer.task import Evaluation, TrainingData

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DIETTask:
    """Implements `Task`."""

    model: ClassVar[str] = DIETConfig.model
    section: ClassVar[str] = PIPELINE
    component: ClassVar[str] = COMPONENT
    options: ClassVar[type] = DIETOptions
    config_class: ClassVar[type] = DIETConfig
    role: ClassVar[Role] = Role.UNDERSTANDS
    test_data: ClassVar[str] = "nlu"
    starts_from_earlier_run: ClassVar[bool] = True

    project: Project
    config: DIETConfig
    start: WarmStart | None = None

    @classmethod
    def lacks(cls, project: Project) -> str | None:
        return None if project.nlu else "no NLU training data is named (--nlu PATH)"

    @classmethod
    def configured(
        cls, options: DIETOptions, rasa: RasaConfig, trainer: TrainerOptions
    ) -> DIETConfig:
        others = rasa.not_featurizing()
        extractors = RegexExtractorPlace.all_of(rasa.components(PIPELINE))
        for extractor in extractors:
            RegexEntityExtractor.from_options(EntityPatterns(), extractor.options)  # checks them
        maps = SYNONYM_MAPPER in others
        return DIETConfig(rasa.featurizing(), maps, options, trainer, extractors)

    def lacks_examples(self) -> str | None:
        return None

    def starting_from(self, given: Path | None, run: RunDirectory) -> DIETTask:
        return replace(self, start=WarmStart.find(given, run, self.config))

    @property
    def _settings(self) -> FeatureSettings:
        earlier = self.start.features if self.start else None
        return replace(self.config.feature_settings, earlier=earlier)

    def fingerprint(self) -> str:
        return self._settings.fingerprint(find_nlu_files(self.project.nlu))

    def prepare(self, directory: Path) -> TrainingData:
        processes = self.config.trainer.prepare_processes
        nlu = self.project.nlu
        return _data(prepare(nlu, self._settings, directory, processes=processes), nlu)

    def open(self, directory: Path, *, is_chief: bool) -> TrainingData:
        dataset = open_prepared(directory, verify=is_chief)
        check_same_settings(dataset, self._settings)
        if is_chief:
            check_same_files(dataset, self._settings, self.project.nlu)
        return _data(dataset, self.project.nlu)

    @property
    def balances_held_out(self) -> bool:
        return self.config.diet.intent_classification

    def make_model(self, fitted: FittedPipeline) -> DIET:
        return make_diet(self.config, fitted, self.config.trainer.precision)

    def conclude(self, run: RunDirectory, data: TrainingData) -> None:
        """The checkpoint says it all."""

    def next_commands(self, run: Path) -> list[tuple[str | Path, ...]]:
        return [("evaluate", run, "--nlu", "TEST_FILE"), ("predict", run), ("export", run)]

    @staticmethod
    def load(directory: Path) -> TrainedDIET:
        return TrainedDIET.load(directory)

    @staticmethod
    def evaluate(runs: Sequence[TrainedDIET], paths: Sequence[Path]) -> Evaluation:
        return evaluate(runs[0], paths)

    @staticmethod
    def served(
        trained: TrainedDIET, sources: Sequence[Path], *, leave_out_regexes: bool
    ) -> ServedModel:
        return served_diet(trained, sources, leave_out_regexes=leave_out_regexes)

    @staticmethod
    def exported(exported: ExportedModel) -> ExportedDIET:
        return ExportedDIET(exported)


def _data(dataset: PreparedDataset, nlu: Sequence[Path]) -> TrainingData:
    return TrainingData(dataset.store, dataset.fingerprint, dataset.pipeline, tuple(nlu))

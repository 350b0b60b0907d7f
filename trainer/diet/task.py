"""DIET on a project's NLU data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from data_pipeline.messages.feature_settings import (
    FeatureSettings,
    check_same_files,
    check_same_settings,
)
from data_pipeline.messages.prepare import prepare
from data_pipeline.messages.prepared import PreparedDataset, open_prepared
from data_pipeline.rasa_files.nlu_files import find_nlu_files
from trainer.config.project import Project
from trainer.config.run_config import DIETConfig
from trainer.diet.warm_start import WarmStart
from trainer.records.run_directory import RunDirectory
from trainer.task import TrainingData


@dataclass(frozen=True)
class DIETTask:
    """Implements `Task`."""

    project: Project
    config: DIETConfig
    start: WarmStart | None = None

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
        return _data(prepare(self.project.nlu, self._settings, directory, processes=processes))

    def open(self, directory: Path, *, is_chief: bool) -> TrainingData:
        dataset = open_prepared(directory, verify=is_chief)
        check_same_settings(dataset, self._settings)
        if is_chief:
            check_same_files(dataset, self._settings, self.project.nlu)
        return _data(dataset)

    @property
    def balances_held_out(self) -> bool:
        return self.config.diet.intent_classification

    def next_commands(self, run: Path) -> list[str]:
        return [f"evaluate {run} --nlu TEST_FILE", f"predict {run}", f"export {run}"]


def _data(dataset: PreparedDataset) -> TrainingData:
    return TrainingData(dataset.store, dataset.fingerprint, dataset.pipeline)

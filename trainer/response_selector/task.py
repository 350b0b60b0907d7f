"""A response selector on a project's NLU data and responses."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from data_pipeline.errors import InputError
from data_pipeline.prepared_folder import check_sources
from data_pipeline.responses.fitted_responses import FittedResponses
from data_pipeline.responses.prepared_responses import (
    PreparedResponses,
    ResponseSources,
    count_labels,
    fingerprint_of,
    open_responses,
    prepare_responses,
)
from model.response_selector.options import ResponseSelectorOptions
from model.response_selector.response_selector import ResponseSelector
from trainer.config.options import TrainerOptions
from trainer.config.project import Project
from trainer.config.rasa_config import PIPELINE, RasaConfig
from trainer.records.run_directory import RunDirectory
from trainer.response_selector.config import ResponseSelectorConfig
from trainer.response_selector.evaluate import evaluate
from trainer.response_selector.exported import ExportedResponseSelector
from trainer.response_selector.making import make_response_selector
from trainer.response_selector.served import served_response_selector
from trainer.response_selector.trained import TrainedResponseSelector
from trainer.roles import Role
from trainer.signatures.exported_model import ExportedModel
from trainer.signatures.served_model import ServedModel
from trainer.task import Evaluation, TrainingData

logger = logging.getLogger(__name__)

FEWEST_RESPONSES = 2


@dataclass(frozen=True)
class ResponseSelectorTask:
    """Implements `Task`."""

    model: ClassVar[str] = ResponseSelectorConfig.model
    section: ClassVar[str] = PIPELINE
    component: ClassVar[str] = "ResponseSelector"
    options: ClassVar[type] = ResponseSelectorOptions
    config_class: ClassVar[type] = ResponseSelectorConfig
    role: ClassVar[Role] = Role.UNDERSTANDS
    test_data: ClassVar[str] = "nlu"
    starts_from_earlier_run: ClassVar[bool] = False

    project: Project
    config: ResponseSelectorConfig
    start: None = None

    @classmethod
    def lacks(cls, project: Project) -> str | None:
        return None if project.nlu else "no NLU training data is named (--nlu PATH)"

    @classmethod
    def configured(
        cls,
        options: ResponseSelectorOptions,
        rasa: RasaConfig,
        trainer: TrainerOptions,
    ) -> ResponseSelectorConfig:
        hidden = options.hidden_layers_sizes
        if options.number_of_transformer_layers and any(hidden.values()):
            logger.warning(
                "%s has a transformer and hidden layers before it (%s). Rasa advises against that: "
                "set hidden_layers_sizes to {text: [], label: []}.",
                cls.component,
                dict(hidden),
            )
        return ResponseSelectorConfig(rasa.featurizing(), options, trainer)

    def lacks_examples(self) -> str | None:
        intent = self.config.response_selector.retrieval_intent
        try:
            count = count_labels(self._sources, self.config.response_settings)
        except InputError:
            return None  # preparing says it, if there is no prepared data set
        if count >= FEWEST_RESPONSES:
            return None
        asked = f"the retrieval intent {intent!r}" if intent else "retrieval intents"
        return f"{asked} must ask for at least {FEWEST_RESPONSES} different responses, not {count}"

    def starting_from(self, given: Path | None, run: RunDirectory) -> ResponseSelectorTask:
        return self

    @cached_property
    def _sources(self) -> ResponseSources:
        return ResponseSources(self.project.nlu, self.project.domain)

    def fingerprint(self) -> str:
        return fingerprint_of(self._sources, self.config.response_settings)

    def prepare(self, directory: Path) -> TrainingData:
        prepared = prepare_responses(
            self._sources,
            self.config.response_settings,
            directory,
            processes=self.config.trainer.prepare_processes,
        )
        return _data(prepared, self.project.nlu)

    def open(self, directory: Path, *, is_chief: bool) -> TrainingData:
        prepared = open_responses(directory, verify=is_chief)
        if is_chief:
            check_sources(
                directory,
                prepared.fingerprint,
                self.fingerprint,
                sources="this project's files",
                problem="other training files, other responses or with other settings. "
                "Prepare it again, or give what it was prepared from.",
            )
        return _data(prepared, self.project.nlu)

    @property
    def balances_held_out(self) -> bool:
        return True

    def make_model(self, fitted: FittedResponses) -> ResponseSelector:
        return make_response_selector(self.config, fitted, self.config.trainer.precision)

    def conclude(self, run: RunDirectory, data: TrainingData) -> None:
        """The checkpoint says it all."""

    def next_commands(self, run: Path) -> list[tuple[str | Path, ...]]:
        return [("evaluate", run, "--nlu", "TEST_FILE"), ("predict", run), ("export", run)]

    @staticmethod
    def load(directory: Path) -> TrainedResponseSelector:
        return TrainedResponseSelector.load(directory)

    @staticmethod
    def evaluate(runs: Sequence[TrainedResponseSelector], paths: Sequence[Path]) -> Evaluation:
        return evaluate(runs, paths)

    @staticmethod
    def served(
        trained: TrainedResponseSelector, sources: Sequence[Path], *, leave_out_regexes: bool
    ) -> ServedModel:
        return served_response_selector(trained, sources, leave_out_regexes=leave_out_regexes)

    @staticmethod
    def exported(exported: ExportedModel) -> ExportedResponseSelector:
        return ExportedResponseSelector(exported)


def _data(prepared: PreparedResponses, nlu: Sequence[Path]) -> TrainingData:
    return TrainingData(prepared.store, prepared.fingerprint, prepared.fitted, tuple(nlu))

"""The model of unexpected intents on a project's stories."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.intents.intent_store import IntentStore
from data_pipeline.dialogue.intents.prepared_intents import (
    any_can_be_learnt_from,
    open_intents,
    origin_of_intents,
    prepare_intents,
)
from data_pipeline.errors import InputError
from model.unexpected_intent.options import UnexpectedIntentOptions
from model.unexpected_intent.unexpected_intent import UnexpectedIntent
from trainer.config.options import TrainerOptions
from trainer.config.project import Project
from trainer.config.rasa_config import POLICIES, RasaConfig
from trainer.dialogues.stories_of_project import (
    PreparedStories,
    lacks_stories,
    next_commands,
    sources_of,
)
from trainer.records.run_directory import RunDirectory
from trainer.roles import Role
from trainer.signatures.exported_model import ExportedModel
from trainer.signatures.served_model import ServedModel
from trainer.task import Evaluation, TrainingData
from trainer.unexpected_intent.config import COMPONENT, UnexpectedIntentConfig
from trainer.unexpected_intent.evaluate import evaluate
from trainer.unexpected_intent.exported import ExportedUnexpectedIntent
from trainer.unexpected_intent.making import make_unexpected_intent
from trainer.unexpected_intent.served import served_unexpected_intent
from trainer.unexpected_intent.trained import TrainedUnexpectedIntent

logger = logging.getLogger(__name__)


STORIES = PreparedStories(prepare_intents, open_intents, origin_of_intents)


@dataclass(frozen=True)
class UnexpectedIntentTask:
    """Implements `Task`."""

    model: ClassVar[str] = UnexpectedIntentConfig.model
    section: ClassVar[str] = POLICIES
    component: ClassVar[str] = COMPONENT
    options: ClassVar[type] = UnexpectedIntentOptions
    config_class: ClassVar[type] = UnexpectedIntentConfig
    role: ClassVar[Role] = Role.REMARKS
    test_data: ClassVar[str] = "stories"
    starts_from_earlier_run: ClassVar[bool] = False

    project: Project
    config: UnexpectedIntentConfig
    start: None = None

    @classmethod
    def lacks(cls, project: Project) -> str | None:
        return lacks_stories(project)

    @classmethod
    def configured(
        cls, options: UnexpectedIntentOptions, rasa: RasaConfig, trainer: TrainerOptions
    ) -> UnexpectedIntentConfig:
        return UnexpectedIntentConfig(rasa.featurizing(), options, trainer)

    def lacks_examples(self) -> str | None:
        try:
            found = any_can_be_learnt_from(sources_of(self.project))
        except InputError:
            return None  # preparing says it, if there is no prepared data set
        return None if found else "in every story something is said by a text, not by an intent"

    def starting_from(self, given: Path | None, run: RunDirectory) -> UnexpectedIntentTask:
        return self

    def fingerprint(self) -> str:
        return STORIES.fingerprint(self.project, self.config)

    def prepare(self, directory: Path) -> TrainingData:
        return STORIES.prepare(self.project, self.config, directory)

    def open(self, directory: Path, *, is_chief: bool) -> TrainingData:
        return STORIES.open(self.project, self.config, directory, is_chief=is_chief)

    @property
    def balances_held_out(self) -> bool:
        return True

    def make_model(self, fitted: DialogueFeaturizer) -> UnexpectedIntent:
        return make_unexpected_intent(self.config, fitted, self.config.trainer.precision)

    def conclude(self, run: RunDirectory, data: TrainingData) -> None:
        """Learn the thresholds of the model that is to answer, by all examples, held out or not."""
        assert isinstance(data.store, IntentStore), "as `prepare` and `open` give it"
        trained = TrainedUnexpectedIntent.as_far_as_trained(run.path)
        if trained.thresholds is None:
            thresholds = trained.thresholds_of(data.store)
            thresholds.save(run.path)
            logger.info(
                "%d intents have a threshold below which they are unexpected; %d others never are.",
                len(thresholds.quantiles),
                len(trained.intents) - len(thresholds.quantiles),
            )

    def next_commands(self, run: Path) -> list[tuple[str | Path, ...]]:
        return next_commands(run)

    @staticmethod
    def load(directory: Path) -> TrainedUnexpectedIntent:
        return TrainedUnexpectedIntent.load(directory)

    @staticmethod
    def evaluate(runs: Sequence[TrainedUnexpectedIntent], paths: Sequence[Path]) -> Evaluation:
        return evaluate(runs[0], paths)

    @staticmethod
    def served(
        trained: TrainedUnexpectedIntent, sources: Sequence[Path], *, leave_out_regexes: bool
    ) -> ServedModel:
        return served_unexpected_intent(trained)

    @staticmethod
    def exported(exported: ExportedModel) -> ExportedUnexpectedIntent:
        return ExportedUnexpectedIntent(exported)

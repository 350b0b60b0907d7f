"""Everything that determines a run of the model of unexpected intents beside the training data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from data_pipeline.batches.plans import Schedule
from data_pipeline.dialogue.dialogue_featurizer import FEATURIZER_FILE, DialogueFeaturizer
from data_pipeline.dialogue.prepare_dialogues import DialogueSettings
from data_pipeline.messages.feature_settings import FeatureSettings
from model.unexpected_intent.options import UnexpectedIntentOptions
from trainer.config.options import TrainerOptions
from trainer.config.run_config import schedule_of
from trainer.dialogues.stories_of_project import text_features

COMPONENT = "UnexpecTEDIntentPolicy"


@dataclass(frozen=True)
class UnexpectedIntentConfig:
    """What determines a run of the model of unexpected intents. Implements `RunConfig`.

    Attributes:
        pipeline: the tokenizer and featurizers of the Rasa pipeline; by them intents and actions
            are told apart by their words, where some story is end to end. May be empty.
        unexpected_intent: all options of the model; `random_seed` is set.
        trainer: our own options.
    """

    model: ClassVar[str] = "unexpected_intent"
    fixed_options: ClassVar[tuple[str, ...]] = ("precision", "clip_norm", "augmentation_factor")
    fitted: ClassVar[type] = DialogueFeaturizer
    fitted_file: ClassVar[str] = FEATURIZER_FILE

    pipeline: tuple[dict[str, Any], ...]
    unexpected_intent: UnexpectedIntentOptions
    trainer: TrainerOptions

    @property
    def name(self) -> str:
        return self.model

    @property
    def options(self) -> UnexpectedIntentOptions:
        """Rasa's options of the model."""
        return self.unexpected_intent

    @property
    def dialogue_settings(self) -> DialogueSettings:
        """What decides, beside domain and stories, which examples there are."""
        return DialogueSettings(
            max_history=self.options.max_history,
            augmentation_factor=self.trainer.augmentation_factor,
        )

    @property
    def text_features(self) -> FeatureSettings | None:
        """How the words of names are featurized; None without a featurizer."""
        return text_features(self.pipeline, self.options.featurizers, entities=False)

    @property
    def schedule(self) -> Schedule:
        """How the epochs are planned."""
        return schedule_of(self.options, self.options.batch_strategy)

    def to_json(self) -> dict[str, Any]:
        """Plain maps and lists; what the run directory records."""
        return {
            "pipeline": list(self.pipeline),
            self.model: dataclasses.asdict(self.unexpected_intent),
            "trainer": dataclasses.asdict(self.trainer),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> UnexpectedIntentConfig:
        """The inverse of `to_json`."""
        return cls(
            tuple(plain["pipeline"]),
            UnexpectedIntentOptions(**plain[cls.model]),
            TrainerOptions(**plain["trainer"]),
        )

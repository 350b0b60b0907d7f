"""Everything that determines a run of TED beside the training data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from data_pipeline.batches.plans import Schedule
from data_pipeline.dialogue.dialogue_featurizer import FEATURIZER_FILE, DialogueFeaturizer
from data_pipeline.dialogue.prepare_dialogues import DialogueSettings
from data_pipeline.messages.feature_settings import FeatureSettings
from model.ted.options import TEDOptions
from trainer.config.options import TrainerOptions
from trainer.config.run_config import schedule_of
from trainer.dialogues.stories_of_project import text_features

COMPONENT = "TEDPolicy"


@dataclass(frozen=True)
class TEDConfig:
    """What determines a run of TED. Implements `RunConfig`.

    Attributes:
        pipeline: the tokenizer and featurizers of the Rasa pipeline, by which texts of end-to-end
            stories are featurized; may be empty.
        ted: all options of TED; `random_seed` is set.
        trainer: our own options.
    """

    model: ClassVar[str] = "ted"
    fixed_options: ClassVar[tuple[str, ...]] = ("precision", "clip_norm", "augmentation_factor")
    fitted: ClassVar[type] = DialogueFeaturizer
    fitted_file: ClassVar[str] = FEATURIZER_FILE

    pipeline: tuple[dict[str, Any], ...]
    ted: TEDOptions
    trainer: TrainerOptions

    @property
    def name(self) -> str:
        return self.model

    @property
    def options(self) -> TEDOptions:
        """Rasa's options of the model."""
        return self.ted

    @property
    def dialogue_settings(self) -> DialogueSettings:
        """What decides, beside domain and stories, which examples there are."""
        return DialogueSettings(
            max_history=None if self.ted.full_dialogue else self.ted.max_history,
            augmentation_factor=self.trainer.augmentation_factor,
            full_dialogues=self.ted.full_dialogue,
        )

    @property
    def text_features(self) -> FeatureSettings | None:
        """How texts of end-to-end stories are featurized; None without a featurizer."""
        return text_features(
            self.pipeline,
            self.ted.featurizers,
            bilou=self.ted.BILOU_flag,
            entities=self.ted.entity_recognition,
        )

    @property
    def schedule(self) -> Schedule:
        """How the epochs are planned; whole dialogues have many labels and are not balanced."""
        strategy = "sequence" if self.ted.full_dialogue else self.ted.batch_strategy
        return schedule_of(self.ted, strategy)

    def to_json(self) -> dict[str, Any]:
        """Plain maps and lists; what the run directory records."""
        return {
            "pipeline": list(self.pipeline),
            "ted": dataclasses.asdict(self.ted),
            "trainer": dataclasses.asdict(self.trainer),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> TEDConfig:
        """The inverse of `to_json`."""
        return cls(
            tuple(plain["pipeline"]),
            TEDOptions(**plain["ted"]),
            TrainerOptions(**plain["trainer"]),
        )

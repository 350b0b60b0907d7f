"""Everything that determines a run of DIET beside the training data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from data_pipeline.batches.plans import Schedule
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import PIPELINE_FILE, FittedPipeline
from model.diet.options import DIETOptions
from trainer.config.options import TrainerOptions
from trainer.config.run_config import schedule_of


@dataclass(frozen=True)
class DIETConfig:
    """What determines a run of DIET. Implements `RunConfig`.

    Attributes:
        pipeline: the tokenizer and featurizers of the Rasa pipeline, as given.
        maps_synonyms: whether answers go through an `EntitySynonymMapper`.
        diet: all options of DIET; `random_seed` is set.
        trainer: our own options.
    """

    model: ClassVar[str] = "diet"
    fixed_options: ClassVar[tuple[str, ...]] = ("precision", "clip_norm")
    """Our own options that a run cannot change when it goes on."""
    fitted: ClassVar[type] = FittedPipeline
    """What is learnt from the data before training, and is needed to answer."""
    fitted_file: ClassVar[str] = PIPELINE_FILE

    pipeline: tuple[dict[str, Any], ...]
    maps_synonyms: bool
    diet: DIETOptions
    trainer: TrainerOptions

    @property
    def name(self) -> str:
        return self.model

    @property
    def options(self) -> DIETOptions:
        """Rasa's options of the model."""
        return self.diet

    @property
    def feature_settings(self) -> FeatureSettings:
        """What the prepared data set depends on."""
        return FeatureSettings(
            pipeline=self.pipeline,
            featurizers=tuple(self.diet.featurizers),
            bilou=self.diet.BILOU_flag,
            entities=self.diet.entity_recognition,
        )

    @property
    def schedule(self) -> Schedule:
        """How the epochs are planned."""
        schedule = schedule_of(self.diet, self.diet.batch_strategy)
        return dataclasses.replace(schedule, drop_small_last_batch=self.diet.drop_small_last_batch)

    def to_json(self) -> dict[str, Any]:
        """Plain maps and lists; what the run directory records."""
        return {
            "pipeline": list(self.pipeline),
            "maps_synonyms": self.maps_synonyms,
            "diet": dataclasses.asdict(self.diet),
            "trainer": dataclasses.asdict(self.trainer),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> DIETConfig:
        """The inverse of `to_json`."""
        return cls(
            tuple(plain["pipeline"]),
            plain["maps_synonyms"],
            DIETOptions(**plain["diet"]),
            TrainerOptions(**plain["trainer"]),
        )

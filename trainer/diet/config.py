"""Everything that determines a run of DIET beside the training data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from data_pipeline.batches.plans import Schedule
from data_pipeline.entities.decoding import SynonymMapper
from data_pipeline.entities.regex_extractor import NAME as REGEX_EXTRACTOR
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import PIPELINE_FILE, FittedPipeline
from model.diet.options import DIETOptions
from trainer.config.options import TrainerOptions
from trainer.config.run_config import schedule_of

COMPONENT = "DIETClassifier"
SYNONYM_MAPPER = SynonymMapper.name


@dataclass(frozen=True)
class RegexExtractorPlace:
    """A RegexEntityExtractor of the pipeline.

    Attributes:
        before_diet: whether its entities come before DIET's in an answer.
        mapped: whether an EntitySynonymMapper comes after it.
        options: as given.
    """

    before_diet: bool
    mapped: bool
    options: dict[str, Any]

    @classmethod
    def all_of(cls, pipeline: Sequence[dict[str, Any]]) -> tuple[RegexExtractorPlace, ...]:
        """Those of a pipeline, in its order."""
        names = [component["name"] for component in pipeline]
        diet = names.index(COMPONENT) if COMPONENT in names else len(names)
        return tuple(
            cls(
                before_diet=place < diet,
                mapped=SYNONYM_MAPPER in names[place:],
                options={key: value for key, value in component.items() if key != "name"},
            )
            for place, component in enumerate(pipeline)
            if component["name"] == REGEX_EXTRACTOR
        )


@dataclass(frozen=True)
class DIETConfig:
    """What determines a run of DIET. Implements `RunConfig`.

    Attributes:
        pipeline: the tokenizer and featurizers of the Rasa pipeline, as given.
        maps_synonyms: whether answers go through an `EntitySynonymMapper`.
        diet: all options of DIET; `random_seed` is set.
        trainer: our own options.
        regex_extractors: each RegexEntityExtractor that answers beside DIET.
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
    regex_extractors: tuple[RegexExtractorPlace, ...] = ()

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
            entity_patterns=bool(self.regex_extractors),
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
            "regex_extractors": [dataclasses.asdict(one) for one in self.regex_extractors],
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> DIETConfig:
        """The inverse of `to_json`."""
        return cls(
            tuple(plain["pipeline"]),
            plain["maps_synonyms"],
            DIETOptions(**plain["diet"]),
            TrainerOptions(**plain["trainer"]),
            tuple(RegexExtractorPlace(**one) for one in plain.get("regex_extractors", ())),
        )

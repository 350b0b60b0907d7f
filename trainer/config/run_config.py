"""Everything that determines a run beside the training data: one class per model."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from data_pipeline.batches.plans import Schedule
from data_pipeline.dialogue.dialogue_featurizer import FEATURIZER_FILE, DialogueFeaturizer
from data_pipeline.dialogue.prepare_dialogues import DialogueSettings
from data_pipeline.featurizers.pipeline_components import FEATURIZERS
from data_pipeline.json_differences import json_differences
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import PIPELINE_FILE, FittedPipeline
from model.diet.options import DIETOptions
from model.ted.options import TEDOptions
from trainer.config.options import TrainerOptions


@dataclass(frozen=True)
class DIETConfig:
    """What determines a run of DIET.

    Attributes:
        pipeline: the tokenizer and featurizers of the Rasa pipeline, as given.
        maps_synonyms: whether answers go through an `EntitySynonymMapper`.
        diet: all options of DIET.
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
        schedule = _schedule(self.diet, self.diet.batch_strategy)
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


@dataclass(frozen=True)
class TEDConfig:
    """What determines a run of TED.

    Attributes:
        pipeline: the tokenizer and featurizers of the Rasa pipeline, by which texts of end-to-end
            stories are featurized; may be empty.
        ted: all options of TED.
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
        if not any(component["name"] in FEATURIZERS for component in self.pipeline):
            return None
        return FeatureSettings(
            pipeline=self.pipeline,
            featurizers=tuple(self.ted.featurizers),
            bilou=self.ted.BILOU_flag,
            entities=self.ted.entity_recognition,
        )

    @property
    def schedule(self) -> Schedule:
        """How the epochs are planned; whole dialogues have many labels and are not balanced."""
        strategy = "sequence" if self.ted.full_dialogue else self.ted.batch_strategy
        return _schedule(self.ted, strategy)

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


RunConfig = DIETConfig | TEDConfig
Fitted = FittedPipeline | DialogueFeaturizer


def config_from_json(plain: Mapping[str, Any]) -> RunConfig:
    """What `to_json` of a configuration gave."""
    return (TEDConfig if TEDConfig.model in plain else DIETConfig).from_json(plain)


def _schedule(options: DIETOptions | TEDOptions, batch_strategy: str) -> Schedule:
    return Schedule(
        epochs=options.epochs,
        batch_size=options.batch_size,
        batch_strategy=batch_strategy,
        seed=options.seed,
    )


def differences(before: RunConfig, now: RunConfig) -> list[str]:
    """What a run cannot change when it goes on, as `key: before -> now` lines.

    Strategy, checkpoint intervals and the like may change, and `epochs` may grow.
    """
    if before.model != now.model:
        return [f"model: {before.model} -> {now.model}"]
    lines = json_differences(_fixed(before), _fixed(now))
    if now.options.epochs < before.options.epochs:
        lines.append(f"{now.model}.epochs: {before.options.epochs} -> {now.options.epochs}")
    return lines


def _fixed(config: RunConfig) -> dict[str, Any]:
    plain = json.loads(json.dumps(config.to_json()))
    options = {key: value for key, value in plain[config.model].items() if key != "epochs"}
    ours = {key: plain["trainer"][key] for key in config.fixed_options}
    return {config.model: options, "pipeline": plain["pipeline"], **ours}

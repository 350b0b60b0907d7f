"""Everything that determines a run of a response selector beside the training data."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from data_pipeline.batches.plans import Schedule
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.responses.fitted_responses import RESPONSES_FILE, FittedResponses
from data_pipeline.responses.prepared_responses import ResponseSettings
from model.response_selector.options import ResponseSelectorOptions
from trainer.config.options import TrainerOptions
from trainer.config.run_config import schedule_of

NO_WORD = re.compile(r"[^\w-]")
"""What the name of a folder does without."""


@dataclass(frozen=True)
class ResponseSelectorConfig:
    """What determines a run of a response selector. Implements `RunConfig`.

    Attributes:
        pipeline: the tokenizer and featurizers of the Rasa pipeline, as given.
        response_selector: all options of the selector; `random_seed` is set.
        trainer: our own options.
    """

    model: ClassVar[str] = "response_selector"
    fixed_options: ClassVar[tuple[str, ...]] = ("precision", "clip_norm")
    fitted: ClassVar[type] = FittedResponses
    fitted_file: ClassVar[str] = RESPONSES_FILE

    pipeline: tuple[dict[str, Any], ...]
    response_selector: ResponseSelectorOptions
    trainer: TrainerOptions

    @property
    def name(self) -> str:
        """With the retrieval intent, since there may be a selector for each."""
        intent = self.response_selector.retrieval_intent
        return f"{self.model}_{NO_WORD.sub('_', intent)}" if intent else self.model

    @property
    def options(self) -> ResponseSelectorOptions:
        """Rasa's options of the model."""
        return self.response_selector

    @property
    def response_settings(self) -> ResponseSettings:
        """What the prepared data set depends on."""
        options = self.response_selector
        features = FeatureSettings(
            pipeline=self.pipeline, featurizers=tuple(options.featurizers), entities=False
        )
        return ResponseSettings(features, options.retrieval_intent, options.use_text_as_label)

    @property
    def schedule(self) -> Schedule:
        """How the epochs are planned."""
        options = self.response_selector
        schedule = schedule_of(options, options.batch_strategy)
        return dataclasses.replace(schedule, drop_small_last_batch=options.drop_small_last_batch)

    def to_json(self) -> dict[str, Any]:
        """Plain maps and lists; what the run directory records."""
        return {
            "pipeline": list(self.pipeline),
            self.model: dataclasses.asdict(self.response_selector),
            "trainer": dataclasses.asdict(self.trainer),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> ResponseSelectorConfig:
        """The inverse of `to_json`."""
        return cls(
            tuple(plain["pipeline"]),
            ResponseSelectorOptions(**plain[cls.model]),
            TrainerOptions(**plain["trainer"]),
        )

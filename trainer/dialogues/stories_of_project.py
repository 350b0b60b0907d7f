"""A project's stories as training data, for models of dialogues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from data_pipeline.batches.dataset import BatchSource
from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.prepare_dialogues import (
    DialogueSettings,
    DialogueSources,
    check_same_stories,
)
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.pipeline_components import FEATURIZERS
from data_pipeline.messages.prepared import Origin
from trainer.config.project import Project
from trainer.task import TrainingData


class Prepared(Protocol):
    """An opened folder of what was prepared from stories."""

    @property
    def store(self) -> BatchSource: ...

    @property
    def featurizer(self) -> DialogueFeaturizer: ...

    @property
    def fingerprint(self) -> str: ...


class StoriesConfig(Protocol):
    """What the configuration of a model of dialogues says about its data."""

    @property
    def dialogue_settings(self) -> DialogueSettings:
        """What decides, beside domain and stories, which examples there are."""

    @property
    def text_features(self) -> FeatureSettings | None:
        """How texts of stories are featurized; None without a featurizer."""


@dataclass(frozen=True)
class PreparedStories:
    """How a kind of model makes examples of stories.

    Attributes:
        made: sources, settings, a folder and `text_features` -> what is prepared in the folder.
        opened: a folder and whether to `verify` its files -> the same, prepared before.
        origin: sources, settings and text features -> what the examples come from.
    """

    made: Callable[..., Prepared]
    opened: Callable[..., Prepared]
    origin: Callable[[DialogueSources, DialogueSettings, FeatureSettings | None], Origin]

    def fingerprint(self, project: Project, config: StoriesConfig) -> str:
        """As `Task.fingerprint`."""
        sources = sources_of(project)
        return self.origin(sources, config.dialogue_settings, config.text_features).fingerprint

    def prepare(self, project: Project, config: StoriesConfig, directory: Path) -> TrainingData:
        """As `Task.prepare`."""
        settings, text_features = config.dialogue_settings, config.text_features
        sources = sources_of(project)
        return _data(self.made(sources, settings, directory, text_features=text_features))

    def open(
        self, project: Project, config: StoriesConfig, directory: Path, *, is_chief: bool
    ) -> TrainingData:
        """As `Task.open`."""
        prepared = self.opened(directory, verify=is_chief)
        if is_chief:
            now = prepared.fingerprint
            check_same_stories(directory, now, lambda: self.fingerprint(project, config))
        return _data(prepared)


def _data(prepared: Prepared) -> TrainingData:
    return TrainingData(prepared.store, prepared.fingerprint, prepared.featurizer)


def sources_of(project: Project) -> DialogueSources:
    """Where the project's dialogues are described."""
    return DialogueSources(project.domain, project.stories, project.nlu_if_any)


def lacks_stories(project: Project) -> str | None:
    """As `Task.lacks`."""
    return None if project.has_dialogues else "there is no domain with stories"


def next_commands(run: Path) -> list[tuple[str | Path, ...]]:
    """As `Task.next_commands`."""
    return [
        ("evaluate", run, "--stories", "TEST_STORIES"),
        ("predict", run, "--stories", "STORIES"),
        ("export", run),
    ]


def text_features(
    pipeline: tuple[dict[str, Any], ...], featurizers: Sequence[str], **settings: Any
) -> FeatureSettings | None:
    """How a pipeline featurizes texts of stories; None without a featurizer.

    Args:
        featurizers: the aliases of those that are used, as the model's option says.
        settings: others of `FeatureSettings`.
    """
    if not any(component["name"] in FEATURIZERS for component in pipeline):
        return None
    return FeatureSettings(pipeline=pipeline, featurizers=tuple(featurizers), **settings)

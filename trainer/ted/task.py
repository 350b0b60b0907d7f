"""TED on a project's stories."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from data_pipeline.dialogue.prepare_dialogues import (
    DialogueSources,
    origin_of,
    prepare_dialogues,
)
from data_pipeline.dialogue.prepared_dialogues import PreparedDialogues, open_dialogues
from data_pipeline.errors import InputError
from trainer.config.project import Project
from trainer.config.run_config import TEDConfig
from trainer.records.run_directory import RunDirectory
from trainer.task import TrainingData

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TEDTask:
    """Implements `Task`."""

    project: Project
    config: TEDConfig
    start: None = None

    def starting_from(self, given: Path | None, run: RunDirectory) -> TEDTask:
        if given is not None:
            raise InputError(
                "--init-from starts DIET from an earlier run; TED is trained from scratch. "
                "Give --model diet with it."
            )
        return self

    @cached_property
    def _sources(self) -> DialogueSources:
        project = self.project
        return DialogueSources(project.domain, project.stories, project.nlu_if_any)

    def fingerprint(self) -> str:
        settings, text_features = self.config.dialogue_settings, self.config.text_features
        return origin_of(self._sources, settings, text_features).fingerprint

    def prepare(self, directory: Path) -> TrainingData:
        return _data(
            prepare_dialogues(
                self._sources,
                self.config.dialogue_settings,
                directory,
                text_features=self.config.text_features,
            )
        )

    def open(self, directory: Path, *, is_chief: bool) -> TrainingData:
        prepared = open_dialogues(directory, verify=is_chief)
        if is_chief:
            self._check_same(prepared)
        return _data(prepared)

    def _check_same(self, prepared: PreparedDialogues) -> None:
        try:
            fingerprint = self.fingerprint()
        except InputError as error:
            logger.warning(
                "Whether %s was prepared from this project's stories is not known: %s",
                prepared.directory,
                error,
            )
            return
        if fingerprint != prepared.fingerprint:
            raise InputError(
                f"{prepared.directory} was prepared from another domain, other stories or with "
                "other settings. Prepare it again, or give what it was prepared from."
            )

    @property
    def balances_held_out(self) -> bool:
        return not self.config.ted.full_dialogue

    def next_commands(self, run: Path) -> list[str]:
        return [
            f"evaluate {run} --stories TEST_STORIES",
            f"predict {run} --stories STORIES",
            f"export {run}",
        ]


def _data(prepared: PreparedDialogues) -> TrainingData:
    return TrainingData(prepared.store, prepared.fingerprint, prepared.featurizer)

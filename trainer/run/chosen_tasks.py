"""Which models are trained on a project, and the task of each."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from data_pipeline.errors import InputError
from trainer.config.project import Project
from trainer.config.resolve import MODELS, configured_models
from trainer.config.run_config import DIETConfig, RunConfig, TEDConfig
from trainer.diet.task import DIETTask
from trainer.task import Task
from trainer.ted.task import TEDTask

logger = logging.getLogger(__name__)

TASKS = {DIETConfig.model: DIETTask, TEDConfig.model: TEDTask}


def make_task(project: Project, config: RunConfig) -> Task:
    """The task of training the configured model on the project."""
    return TASKS[config.model](project, config)


def chosen_models(
    project: Project, wanted: str | None, *, from_earlier_run: bool = False
) -> Sequence[str]:
    """What to train: what the user wants, else everything there is configuration and data for.

    Args:
        from_earlier_run: only DIET can start from one.

    Raises:
        InputError: there are no data for the model that the user wants.
    """
    lacking = {
        DIETConfig.model: None if project.nlu else "no NLU training data is named (--nlu PATH)",
        TEDConfig.model: None if project.has_dialogues else "there is no domain with stories",
    }
    if wanted is not None:
        if lacking[wanted] is not None:
            raise InputError(f"--model {wanted}: {lacking[wanted]}.")
        return (wanted,)
    if from_earlier_run:
        lacking[TEDConfig.model] = "--init-from is for DIET"
    configured = configured_models(project)
    for model in configured:
        if lacking[model] is not None:
            logger.info("%s is not trained: %s.", MODELS[model].component, lacking[model])
    # With none, resolving the configuration of the first says what it lacks.
    return [model for model in configured if lacking[model] is None] or [DIETConfig.model]

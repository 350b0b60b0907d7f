"""Which models are trained on a project, and the task of each."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from data_pipeline.errors import InputError
from trainer.config.project import Project
from trainer.config.rasa_config import RasaConfig
from trainer.config.run_config import RunConfig
from trainer.models import MODELS, model_named
from trainer.task import Task

logger = logging.getLogger(__name__)


def make_task(project: Project, config: RunConfig) -> Task:
    """The task of training the configured model on the project."""
    return model_named(config.model)(project, config)


def tasks_of(project: Project, configs: Sequence[RunConfig]) -> list[Task]:
    """The tasks of training what is configured, but for those that have nothing to learn.

    Raises:
        InputError: none is left, or two would be called the same.
    """
    tasks: list[Task] = []
    reasons = []
    for task in (make_task(project, config) for config in configs):
        if task.config.name in {known.config.name for known in tasks}:
            raise InputError(
                f"{project.config}: {task.component} is configured twice for the same "
                f"({task.config.name}); remove one of them."
            )
        reason = task.lacks_examples()
        if reason is None:
            tasks.append(task)
        else:
            reasons.append(f"{task.component} is not trained: {reason}.")
            logger.info("%s", reasons[-1])
    if not tasks:
        raise InputError(" ".join(reasons))
    return tasks


def chosen_models(
    project: Project, wanted: str | None, *, from_earlier_run: bool = False
) -> Sequence[str]:
    """What to train: what the user wants, else everything there is configuration and data for.

    Args:
        from_earlier_run: only models that can start from one.

    Raises:
        InputError: there is no such model, or there are no data for it.
    """
    rasa = RasaConfig.read(project.config)
    for note in rasa.notes:
        logger.info("%s", note)
    if wanted is not None:
        kind = model_named(wanted)
        lacking = kind.lacks(project) or (_starts_afresh(kind) if from_earlier_run else None)
        if lacking is not None:
            raise InputError(f"--model {wanted}: {lacking}.")
        return (wanted,)
    chosen, reasons = [], {}
    for kind in MODELS:
        if not rasa.components_named(kind.section, kind.component):
            continue
        reason = kind.lacks(project)
        if from_earlier_run:
            reason = _starts_afresh(kind) or reason
        if reason is None:
            chosen.append(kind.model)
        else:
            reasons[kind.model] = f"{kind.component} is not trained: {reason}."
            logger.info("%s", reasons[kind.model])
    first = MODELS[0].model
    if not chosen and first in reasons:
        raise InputError(" ".join(reasons.values()))
    # Where even the first is not configured, resolving its configuration says what is lacking.
    return chosen or [first]


def _starts_afresh(kind: type[Task]) -> str | None:
    """That a model cannot start from an earlier run; None = it can."""
    if kind.starts_from_earlier_run:
        return None
    can = ", ".join(other.model for other in MODELS if other.starts_from_earlier_run)
    return f"--init-from is for {can}; {kind.model} is always trained from scratch"

"""Which models there are: the one list of them."""

from __future__ import annotations

from data_pipeline.errors import InputError
from trainer.diet.task import DIETTask
from trainer.response_selector.task import ResponseSelectorTask
from trainer.task import Task
from trainer.ted.task import TEDTask
from trainer.unexpected_intent.task import UnexpectedIntentTask

MODELS: tuple[type[Task], ...] = (
    DIETTask,
    ResponseSelectorTask,
    TEDTask,
    UnexpectedIntentTask,
)
"""In the order of training."""


def model_named(name: str) -> type[Task]:
    """The model of this name.

    Raises:
        InputError: there is none.
    """
    found = {kind.model: kind for kind in MODELS}
    if name not in found:
        raise InputError(f"There is no model {name!r}. Known are {', '.join(found)}.")
    return found[name]

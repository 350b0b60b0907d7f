"""Whether a SavedModel answers as the checkpoint does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from data_pipeline.errors import InputError
from trainer.signatures.elsewhere import Question, Tensors, answers_elsewhere

ON_CPU = 1e-5
ON_GPU = 2e-3
"""By how much numbers may differ if the checkpoint was asked on a GPU: there products have fewer
bits, and the SavedModel is asked on the CPU."""


@dataclass(frozen=True)
class Check:
    """A question, and what is wrong with an answer to it.

    Attributes:
        kind: what is compared, for people.
        count: how many of these.
        differences: given what came out and the tolerance, yields what differs and by how much.
    """

    kind: str
    count: int
    question: Question
    differences: Callable[[Tensors], Iterator[tuple[str, float]]]


def ask(saved_model: Path, checks: Sequence[Check]) -> list[Tensors]:
    """What it answers to the checks' questions, in a clean process."""
    return answers_elsewhere(saved_model, [check.question for check in checks])


def verify(checks: Sequence[Check], answers: Sequence[Tensors]) -> dict[str, Any]:
    """Compare the answers with the model's; returns what the model card says about it.

    Raises:
        InputError: an answer differs.
    """
    tolerance = ON_GPU if tf.config.list_physical_devices("GPU") else ON_CPU
    largest = 0.0
    for check, outputs in zip(checks, answers, strict=True):
        for what, difference in check.differences(outputs):
            if not difference <= tolerance:
                raise InputError(
                    f"The SavedModel does not answer as the checkpoint: {check.kind}, {what}. "
                    "Nothing was exported; --no-verify exports it all the same."
                )
            largest = max(largest, float(difference))
    return {
        "compared": {check.kind: check.count for check in checks},
        "largest_difference": largest,
        "tolerance": tolerance,
    }

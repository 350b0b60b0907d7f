"""The options that are ours and not Rasa's: `trainer.yml`, `--set`, and flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from data_pipeline.component_options import unknown_name
from data_pipeline.errors import InputError
from trainer.distribution.distribution import STRATEGIES
from trainer.distribution.replicas import COMPRESSIONS
from trainer.training.precision import PRECISIONS


@dataclass(frozen=True)
class TrainerOptions:
    """How a run is carried out.

    Attributes:
        strategy: `auto`, `single`, `mirrored`, `horovod` or `multi_worker`.
        precision: `float32`, `mixed_bfloat16` (without a GPU: in products alone) or
            `mixed_float16`.
        accumulate_steps: each device takes its share of the batch through the transformer in so
            many parts: less memory, one more forward pass, the same result.
        clip_norm: largest global norm of a gradient; null = no limit.
        checkpoint_every_steps: save after this many steps; null = not by steps.
        checkpoint_every_minutes: save after this many minutes; null = not by time.
        checkpoint_min_seconds: save the end of an epoch if the last checkpoint is so many seconds
            ago; 0 = of every epoch. The last epoch and the best one are always saved, and where a
            signal stops training.
        keep_checkpoints: how many of the newest stay.
        early_stopping_patience: end after so many evaluations without improvement; null = never.
        gradient_compression: `none`, or `fp16`: processes exchange gradients in 16 bits,
            which is no longer exact.
        prepare_processes: processes that prepare the data set.
        augmentation_factor: of TED: how many stories are glued together (`rasa train
            --augmentation`); 0 = none.
        logical_cpu_devices: how many devices the CPU counts as, to rehearse mirrored training on a
            machine without GPUs.
    """

    strategy: str = "auto"
    precision: str = "float32"
    accumulate_steps: int = 1
    clip_norm: float | None = None
    checkpoint_every_steps: int | None = None
    checkpoint_every_minutes: float | None = 10.0
    checkpoint_min_seconds: float = 60.0
    keep_checkpoints: int = 3
    early_stopping_patience: int | None = None
    gradient_compression: str = "none"
    prepare_processes: int = 1
    augmentation_factor: int = 50
    logical_cpu_devices: int = 1

    def __post_init__(self) -> None:
        self._check_choice("strategy", STRATEGIES)
        self._check_choice("precision", PRECISIONS)
        self._check_choice("gradient_compression", COMPRESSIONS)
        for name in ("checkpoint_every_steps", "keep_checkpoints", *_COUNTS):
            self._check_number(name, int, "a whole number of at least 1", least=1)
        self._check_number("augmentation_factor", int, "a whole number of at least 0", least=0)
        for name in ("clip_norm", "checkpoint_every_minutes"):
            self._check_number(name, (int, float), "a number above 0", least=1e-12)
        self._check_number(
            "checkpoint_min_seconds", (int, float), "a number of at least 0", least=0
        )

    def _check_choice(self, name: str, allowed: tuple[str, ...]) -> None:
        if getattr(self, name) not in allowed:
            self._refuse(name, f"one of {', '.join(allowed)}")

    def _check_number(self, name: str, kind: Any, expected: str, *, least: float) -> None:
        value = getattr(self, name)
        if value is None and name in _NULLABLE:
            return
        if isinstance(value, bool) or not isinstance(value, kind) or not value >= least:
            self._refuse(name, expected)

    def _refuse(self, name: str, expected: str) -> None:
        raise InputError(f"{name} must be {expected}. Received: {getattr(self, name)!r}")


_COUNTS = (
    "accumulate_steps",
    "early_stopping_patience",
    "prepare_processes",
    "logical_cpu_devices",
)
OPTIONS = {field.name: field for field in fields(TrainerOptions)}
_NULLABLE = (
    "clip_norm",
    "checkpoint_every_steps",
    "checkpoint_every_minutes",
    "early_stopping_patience",
)


def read_trainer_options(values: Mapping[str, Any], source: str) -> TrainerOptions:
    """The options in `values`; `source` says in messages where they come from.

    Raises:
        InputError: an unknown option or a bad value.
    """
    for name in values:
        if name not in OPTIONS:
            raise unknown_name(f"{source}: unknown option", name, list(OPTIONS))
    try:
        return TrainerOptions(**values)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None

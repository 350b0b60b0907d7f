"""Everything that determines a run beside the training data: what the configurations share.

Each model has a class of its own: `trainer/diet/config.py`, `trainer/ted/config.py`, …
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from data_pipeline.batches.plans import Schedule
from data_pipeline.json_differences import json_differences
from model.options.shared import SharedOptions
from trainer.config.options import TrainerOptions

if TYPE_CHECKING:
    from typing_extensions import Self


class Fitted(Protocol):
    """What is learnt from the data before training, and is needed to answer."""

    def save(self, directory: Path) -> None:
        """Write it to a run directory."""

    @classmethod
    def load(cls, directory: Path) -> Fitted:
        """The inverse of `save`."""


class RunConfig(Protocol):
    """The resolved configuration of a run of one model: a frozen dataclass.

    Attributes:
        model: the model's name, as in `--model` and as the key of its options in `run.json`.
        fitted: the class of what is learnt from the data before training.
        fitted_file: a file by which that is found in a run directory.
        fixed_options: our own options that a run cannot change when it goes on.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    model: ClassVar[str]
    fitted: ClassVar[type[Fitted]]
    fitted_file: ClassVar[str]
    fixed_options: ClassVar[tuple[str, ...]]

    @property
    def trainer(self) -> TrainerOptions:
        """Our own options."""

    @property
    def name(self) -> str:
        """What this run is called beside runs of the same project; names its folder."""

    @property
    def options(self) -> SharedOptions:
        """Rasa's options of the model."""

    @property
    def schedule(self) -> Schedule:
        """How the epochs are planned."""

    def to_json(self) -> dict[str, Any]:
        """Plain maps and lists; what the run directory records."""

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""


def schedule_of(options: SharedOptions, batch_strategy: str) -> Schedule:
    """How the epochs of a model with these options are planned."""
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
    lines = json_differences(_fixed(before), _fixed(now))
    if now.options.epochs < before.options.epochs:
        lines.append(f"{now.model}.epochs: {before.options.epochs} -> {now.options.epochs}")
    return lines


def _fixed(config: RunConfig) -> dict[str, Any]:
    plain = json.loads(json.dumps(config.to_json()))
    options = {key: value for key, value in plain[config.model].items() if key != "epochs"}
    ours = {key: plain["trainer"][key] for key in config.fixed_options}
    return {config.model: options, "pipeline": plain["pipeline"], **ours}

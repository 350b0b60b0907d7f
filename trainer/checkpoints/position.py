"""Where training is: a point of the plan, from which everything else follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainer.checkpoints.best_so_far import BestSoFar


@dataclass(frozen=True)
class Position:
    """How far training has come.

    Attributes:
        step: finished steps since the beginning; the clock of everything.
        epoch: the epoch that continues (0-based); equals the number of epochs when all is done.
        step_in_epoch: finished steps of that epoch.
        sums: this epoch's sums so far, by name.
        best: the best evaluation so far.
    """

    step: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    sums: Mapping[str, float] = field(default_factory=dict)
    best: BestSoFar = BestSoFar()

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Position:
        """The inverse of `dataclasses.asdict`."""
        return cls(**{**plain, "best": BestSoFar(**plain["best"])})

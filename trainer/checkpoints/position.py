"""Where training is, from which everything else follows: a point of the plan, the best so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

COMPARED = ("_accuracy", "_f1")


@dataclass(frozen=True)
class BestSoFar:
    """The best evaluation up to a position; kept in every checkpoint.

    An evaluation is better when no accuracy and no F1 is worse and at least one is better; losses
    do not count. Mirrors `rasa.utils.tensorflow.callback.RasaModelCheckpoint`.

    Attributes:
        step: finished steps at the best evaluation; None before the first.
        scores: its accuracies and F1s.
        evaluations_since: how many evaluations there were after it.
    """

    step: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    evaluations_since: int = 0

    def after(self, metrics: Mapping[str, float], step: int) -> BestSoFar:
        """The best one once `metrics` have been measured at `step`."""
        scores = {name: value for name, value in metrics.items() if name.endswith(COMPARED)}
        if self.step is None or self._is_beaten_by(scores):
            return BestSoFar(step, scores)
        return replace(self, evaluations_since=self.evaluations_since + 1)

    def _is_beaten_by(self, scores: Mapping[str, float]) -> bool:
        pairs = [(scores[name], best) for name, best in self.scores.items()]
        return all(new >= best for new, best in pairs) and any(new > best for new, best in pairs)


@dataclass(frozen=True)
class Position:
    """How far training has come.

    Attributes:
        step: finished steps since the beginning; the clock of everything.
        epoch: the epoch that continues (0-based); equals the number of epochs when all is done.
        step_in_epoch: finished steps of that epoch.
        sums: this epoch's sums so far, by name.
        best: the best evaluation so far.
        batch_size: the global batch size that this epoch was begun with; None before its first
            step. Where it grows it depends on the number of epochs, which may since have changed.
    """

    step: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    sums: Mapping[str, float] = field(default_factory=dict)
    best: BestSoFar = BestSoFar()
    batch_size: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain values; what is None is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Position:
        """The inverse of `to_json`."""
        return cls(**{**plain, "best": BestSoFar(**plain["best"])})

"""Which evaluation of a run is the best one, and how long ago that was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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

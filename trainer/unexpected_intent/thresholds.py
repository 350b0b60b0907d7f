"""Below which similarity an intent is unexpected: what the trained model says of its examples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.atomic_files import write_file
from data_pipeline.errors import InputError

THRESHOLDS_FILE = "thresholds.json"
TOLERANCES = tuple(percent / 100 for percent in range(0, 100, 5))
"""Those for which there is a threshold; others take that of the next lower one."""


@dataclass(frozen=True)
class Thresholds:
    """Per intent the similarity that it must reach, for each of `TOLERANCES`.

    Attributes:
        step: of the checkpoint whose model they are of.
        quantiles: intent -> thresholds. An intent that no story has after the bot's actions is not
            there: it is never unexpected.
    """

    step: int
    quantiles: Mapping[str, Sequence[float]]

    @classmethod
    def learn(
        cls,
        similarities: np.ndarray,
        intent_ids: np.ndarray,
        intents: Sequence[str],
        step: int,
    ) -> Thresholds:
        """The thresholds by which the training examples are told apart.

        An intent's is reached by the share `tolerance` of the examples that do not go on with it,
        and by all that do. Mirrors `UnexpecTEDIntentPolicy._compute_label_quantiles`.

        Args:
            similarities: `[examples, intents]` float32, as the model says.
            intent_ids: `[examples, most]` int32, the intents that follow, then -1.
        """
        quantiles = {}
        for label in np.unique(intent_ids[intent_ids >= 0]):
            follows = (intent_ids == label).any(axis=1)
            highest = similarities[follows, label].min()
            others = similarities[~follows, label]
            if len(others):
                shares = [1 - tolerance for tolerance in TOLERANCES]
                of_others = np.quantile(others, shares, method="lower")
            else:
                of_others = np.full(len(TOLERANCES), highest)
            quantiles[intents[label]] = np.minimum(of_others, highest).tolist()
        return cls(step, quantiles)

    def of(self, intent: str, tolerance: float) -> float | None:
        """The threshold of an intent; None = it is never unexpected."""
        found = self.quantiles.get(intent)
        if found is None:
            return None
        return found[min(int(tolerance * len(found)), len(found) - 1)]

    def save(self, directory: Path) -> None:
        """Write `thresholds.json`."""
        plain = {"step": self.step, "tolerances": TOLERANCES, "thresholds": dict(self.quantiles)}
        write_file(directory / THRESHOLDS_FILE, json.dumps(plain, ensure_ascii=False))

    @classmethod
    def load(cls, directory: Path) -> Thresholds | None:
        """What `save` wrote; None if there is nothing.

        Raises:
            InputError: the file is damaged.
        """
        path = directory / THRESHOLDS_FILE
        if not path.is_file():
            return None
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            return cls(plain["step"], plain["thresholds"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} is damaged ({error}). Remove it; training writes it again."
            ) from None


def candidate(name: str, score: float, threshold: float | None) -> dict[str, Any]:
    """An intent as Rasa's policy tells of it; `severity` is by how much it misses its threshold."""
    severity = None if threshold is None else threshold - score
    return {"name": name, "score": score, "threshold": threshold, "severity": severity}

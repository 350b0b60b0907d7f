"""When to write a checkpoint."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainer.checkpoint import Checkpointer, Position

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckpointPolicy:
    """When to save, beside the end of every epoch.

    Attributes:
        every_steps: after this many steps; None = not by steps.
        every_minutes: after this much time; None = not by time.
    """

    every_steps: int | None = None
    every_minutes: float | None = 10.0


class Saver:
    """Saves through `checkpointer` when the policy says so; without one (not the chief) never."""

    def __init__(
        self,
        checkpointer: Checkpointer | None,
        policy: CheckpointPolicy,
        state: Mapping[str, Any],
    ):
        self._checkpointer = checkpointer
        self._policy = policy
        self._state = state
        self._last_step = 0
        self._last_time = time.monotonic()

    def start_at(self, position: Position) -> None:
        """Count steps and minutes from here."""
        self._last_step, self._last_time = position.step, time.monotonic()

    def save_if_due(self, position: Position) -> None:
        """Save if enough steps or minutes have passed since the last time."""
        steps = position.step - self._last_step
        minutes = (time.monotonic() - self._last_time) / 60
        by_steps = self._policy.every_steps is not None and steps >= self._policy.every_steps
        by_time = self._policy.every_minutes is not None and minutes >= self._policy.every_minutes
        if by_steps or by_time:
            self.save(position)

    def save(self, position: Position, metrics: Mapping[str, float] | None = None) -> None:
        """Save now; `metrics`, if an epoch has just ended, are kept in `state.json`."""
        if self._checkpointer is not None:
            state = {**self._state, "metrics": dict(metrics or {})}
            path = self._checkpointer.save(position, **state)
            logger.debug("Wrote %s.", path)
        self.start_at(position)

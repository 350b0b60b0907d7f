"""When to write a checkpoint, and how training does not wait for it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.checkpoints.checkpoint import Checkpointer
from trainer.checkpoints.position import Position

logger = logging.getLogger(__name__)

IN_MEMORY_BYTES = 256 * 2**20
"""Up to this size variables are copied in memory, larger ones to disk: a copy would add to the peak
memory, which limits the size of models. Either is written as a checkpoint in the background."""


NICENESS = 19
"""Of the thread that writes: it gets what those that compute leave, such as while processes wait
for each other. If that is too little, the next checkpoint waits for this one, and nobody computes
meanwhile."""


@dataclass(frozen=True)
class CheckpointPolicy:
    """When to save, beside the end of training and epochs that are the best so far.

    Attributes:
        every_steps: after this many steps; None = not by steps.
        every_minutes: after this much time; None = not by time.
        min_seconds: the end of an epoch, if the last checkpoint is so long ago. Where
            computing takes all cores a checkpoint takes one from it, and everybody's time.
    """

    every_steps: int | None = None
    every_minutes: float | None = 10.0
    min_seconds: float = 0.0


class Saver:
    """Keeps one run's checkpoints: restores the newest one, and saves when the policy says so.

    Use it in a `with` statement: at its end the last checkpoint has been written.

    Args:
        checkpointer: None = nothing is restored or saved; of several processes only the chief has
            one.
        state: (JSON-able) kept in every checkpoint's `state.json`.
    """

    def __init__(
        self,
        checkpointer: Checkpointer | None,
        policy: CheckpointPolicy | None = None,
        state: Mapping[str, Any] | None = None,
    ):
        self._checkpointer = checkpointer
        self._policy = policy or CheckpointPolicy()
        self._state = dict(state or {})
        self._saved: Position | None = None
        self._passed: tuple[Position | None, Mapping[str, float]] = None, {}
        self._last_step = 0
        self._last_time = time.monotonic()
        self._thread = ThreadPoolExecutor(
            1, thread_name_prefix="checkpoint", initializer=_let_others_go_first
        )
        self._writing: Future[Path | None] | None = None

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown()
        if kind is None:  # else that is what has to be told
            self.finish()

    def restore(self) -> Position | None:
        """Load the newest checkpoint; None if there is none, or nothing to restore by.

        Raises:
            InputError: see `Checkpointer.restore`.
        """
        if self._checkpointer is not None:
            self._saved = self._checkpointer.restore()
        self.start_at(self._saved or Position())
        return self._saved

    def make_room(self) -> None:
        """Have the system find room for copies of large variables, beside training."""
        if self._checkpointer is not None and self._writing is None and not self._fits_in_memory:
            self._writing = self._thread.submit(self._checkpointer.make_room)

    @property
    def _fits_in_memory(self) -> bool:
        return self._checkpointer is not None and self._checkpointer.bytes <= IN_MEMORY_BYTES

    def start_at(self, position: Position) -> None:
        """Count steps and minutes from here."""
        self._last_step, self._last_time = position.step, time.monotonic()

    def is_due_by_steps(self, step: int) -> bool:
        """Whether enough steps, of which `step` are done, were taken since the last checkpoint.

        One of which the clock decided at the end of an epoch does not count: others do not know.
        """
        every = self._policy.every_steps
        return every is not None and step - self._last_step >= every

    @property
    def is_due_by_time(self) -> bool:
        """Whether the last checkpoint is long enough ago; of several processes not at once."""
        every = self._policy.every_minutes
        return every is not None and time.monotonic() - self._last_time >= every * 60

    def save_epoch(
        self, position: Position, metrics: Mapping[str, float], *, is_last: bool
    ) -> None:
        """Save the end of an epoch, if the policy says so, it is the best so far, or the last.

        Args:
            metrics: of the epoch.

        Raises:
            InputError: see `save`.
        """
        self._passed = position, dict(metrics)
        last_step, ago = self._last_step, time.monotonic() - self._last_time
        if is_last or position.best.step == position.step or self.is_due_by_steps(position.step):
            self.save(position)
        elif ago >= self._policy.min_seconds:
            self.save(position)
            self._last_step = last_step  # processes have clocks of their own

    def save(self, position: Position) -> None:
        """Save the variables as they are now; what is written may be complete only by `finish`.

        A position that was restored or has been saved is not saved again.

        Raises:
            InputError: this checkpoint, or the one before, cannot be written.
        """
        if position == self._saved:
            return
        self.finish()
        if self._checkpointer is not None:
            passed, metrics = self._passed
            state = {**self._state, "metrics": metrics if passed == position else {}}
            take = self._checkpointer.copy if self._fits_in_memory else self._checkpointer.snapshot
            write = self._checkpointer.save
            self._writing = self._thread.submit(write, position, take(), **state)
        self._saved = position
        self.start_at(position)

    def finish(self) -> None:
        """Wait until the last checkpoint has been written, or room been made for the first.

        Raises:
            InputError: it cannot be.
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            if (path := writing.result()) is not None:
                logger.debug("Wrote %s.", path)


def _let_others_go_first() -> None:
    """Lower the priority of this thread; Linux has one for each."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)

"""Noticing that processes wait for each other in vain.

Horovod has a stall check of its own. With the version and back end used here it did not end
anything in our tests (`tests/world/test_failing.py`), so the limit is kept here, by the same name.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator

from data_pipeline.batches.dataset import Batches
from data_pipeline.errors import InputError
from trainer.distribution.speaker import speaker
from trainer.errors import EXIT_ANOTHER_PROCESS

STALL_LIMIT = "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS"
"""Also set by `horovodrun --stall-check-shutdown-time-seconds`."""
STALL_SECONDS = 600.0


class ExchangeWatch:
    """Ends this process when the last exchange with others is too long ago.

    Every process has one, so all end: those that hang, and those that wait for them.

    Args:
        seconds: how long; None = what the environment says, or `STALL_SECONDS`.
        end: called then, with a line for the user.
        limit: the environment's variable.

    Raises:
        InputError: the environment says no number above 0.
    """

    def __init__(
        self,
        seconds: float | None = None,
        end: Callable[[str], None] | None = None,
        limit: str = STALL_LIMIT,
    ) -> None:
        self._limit = limit
        self.seconds = seconds_by(limit) if seconds is None else seconds
        self._end = end or _end_process
        self._main_thread = threading.get_ident()
        self._stopped = threading.Event()
        self.met()
        threading.Thread(target=self._watch, name="exchange-watch", daemon=True).start()

    def met(self) -> None:
        """Tell that there just was an exchange."""
        self._last = time.monotonic()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()

    def each(self, batches: Batches) -> WatchedBatches:
        """The same batches; when one is asked for, the exchanges of the last but one are over."""
        return WatchedBatches(batches, self.met)

    def _watch(self) -> None:
        while (left := self._last + self.seconds - time.monotonic()) > 0:
            if self._stopped.wait(left):
                return
        frame = sys._current_frames()[self._main_thread]
        place = traceback.extract_stack(frame)[-1]
        self._end(
            f"Training ends, since processes have waited for each other for {self.seconds:.0f} s "
            f"({self._limit}). This one is in {place.name}, {place.filename}:{place.lineno}. The "
            "same command goes on from the newest checkpoint."
        )


class WatchedBatches:
    """Batches, with a call before each."""

    def __init__(self, batches: Batches, before_each: Callable[[], None]):
        self.element_spec = batches.element_spec
        self._batches, self._before_each = batches, before_each

    def __iter__(self) -> Iterator:
        for batch in self._batches:
            self._before_each()
            yield batch


_watches: list[ExchangeWatch] = []


def watch_anew(limit: str = STALL_LIMIT) -> ExchangeWatch:
    """One per process: of an elastic job, the world before is over."""
    while _watches:
        _watches.pop().stop()
    _watches.append(ExchangeWatch(limit=limit))
    return _watches[0]


def seconds_by(limit: str) -> float:
    """How long processes wait for each other, by this variable of the environment.

    Raises:
        InputError: it says no number above 0.
    """
    given = os.environ.get(limit, "0")
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if seconds < 0:
        raise InputError(f"{limit} must be a number of seconds. Received: {given!r}")
    return seconds or STALL_SECONDS  # 0, the launcher's way to say nothing


def _end_process(line: str) -> None:
    """At once: the main thread cannot be reached, whatever it is doing."""
    os.write(2, f"{speaker()}{line}\n".encode())
    os._exit(EXIT_ANOTHER_PROCESS)

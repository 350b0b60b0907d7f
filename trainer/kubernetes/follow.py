"""Waits for a job, tells what becomes of it, and shows the launcher's log on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.kubernetes.client import Cluster, NotFound, Unreachable
from trainer.kubernetes.launcher_log import LauncherLog

NOT_SEEN = "not seen by the operator"
CREATED, SUSPENDED, RUNNING = "Created", "Suspended", "Running"
SUCCEEDED, FAILED = "Succeeded", "Failed"
REFUSED = "ValidationError"
"""Reason of the only trace that the operator leaves of a job it refuses: an Event."""
SHOWN_EVENTS = 10


class GaveUp(Exception):
    """Waiting took too long; the job itself may go on."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for what, in seconds.

    Attributes:
        start: for the job to run (in a queue it may take hours).
        total: for the end; None = no limit.
        unreachable: for a server that does not answer.
        look: between two looks at most; what changes the job itself is seen at once, but what the
            operator or a queue only tells by Events is not.
        retry: before a server that did not answer is asked again.
    """

    start: float = 600
    total: float | None = None
    unreachable: float = 120
    look: float = 10
    retry: float = 2


def state_of(job: Mapping[str, Any]) -> str:
    """The one word for a job's conditions."""
    conditions = (job.get("status") or {}).get("conditions") or []
    true = {condition["type"] for condition in conditions if condition["status"] == "True"}
    for state in (SUCCEEDED, FAILED, SUSPENDED, RUNNING):
        if state in true:
            return state
    return CREATED if CREATED in true else NOT_SEEN


def event_lines(cluster: Cluster, name: str) -> list[str]:
    """The newest events of a job and its pods, for the user to read."""
    return [
        f"{event.type} {event.reason} {event.involved_object.name}: {(event.message or '').strip()}"
        for event in cluster.events(name)[-SHOWN_EVENTS:]
    ]


class JobWatch:
    """Follows one job to its end.

    Args:
        say: takes a line for the user.
        log: reads the launcher's log while the job runs; None = the log is not wanted.
    """

    def __init__(
        self,
        cluster: Cluster,
        name: str,
        patience: Patience,
        *,
        say: Callable[[str], None],
        log: LauncherLog | None,
    ):
        self._cluster, self._name, self._patience = cluster, name, patience
        self._say, self._log = say, log
        self._state = self._version = ""
        self._waiting_since = self._answered = time.monotonic()
        self._deadline = self._answered + (patience.total or math.inf)

    def until_done(self) -> bool:
        """Wait for the end; whether the job succeeded.

        Raises:
            GaveUp: it did not start, did not end, or the server did not answer in time.
        """
        while True:
            try:
                done = self._look()
                self._answered = time.monotonic()
            except NotFound:
                self._say(f"The job {self._name} was deleted.")
                return False
            except Unreachable as error:
                done = None
                if time.monotonic() - self._answered > self._patience.unreachable:
                    raise GaveUp(f"{error} The job may go on; look with `submit status`.") from None
            if done is not None:
                return done
            if time.monotonic() > self._deadline:
                raise GaveUp(f"The job {self._name} did not end in time; it goes on.")
            self._pause()

    def _look(self) -> bool | None:
        """Whether it succeeded, or None if it has not ended."""
        job = self._cluster.job(self._name)
        self._version = job["metadata"]["resourceVersion"]
        self._note(state_of(job))
        if self._state in (SUCCEEDED, FAILED):
            if self._log:
                self._log.read(follow=False)
            if self._state == FAILED:
                self._say_events(_reason(job))
            return self._state == SUCCEEDED
        if self._state == RUNNING:
            self._waiting_since = time.monotonic()
            if self._log:
                self._log.read(follow=True, deadline=self._deadline)
            return None
        return self._check_start()

    def _pause(self) -> None:
        """Until the job changes, or it is time for another look."""
        seconds = min(self._patience.look, max(self._deadline - time.monotonic(), 0))
        try:
            self._cluster.wait_for_change(self._name, self._version, seconds)
        except Unreachable:
            time.sleep(self._patience.retry)

    def _note(self, state: str) -> None:
        if state != self._state:
            self._say(f"Job {self._name}: {state}.")
            self._state = state

    def _check_start(self) -> bool | None:
        if self._state == NOT_SEEN:
            refusals = [e for e in self._cluster.events(self._name) if e.reason == REFUSED]
            if refusals:
                self._say(f"The operator refuses the job: {refusals[-1].message}")
                return False
        if time.monotonic() - self._waiting_since > self._patience.start:
            self._say_events(f"The job {self._name} is not running: {self._state}.")
            raise GaveUp(
                f"The job {self._name} did not start within {self._patience.start:.0f} s; "
                "it is still there."
            )
        return None

    def _say_events(self, headline: str) -> None:
        self._say(headline)
        for line in event_lines(self._cluster, self._name) or ["no events"]:
            self._say(f"  {line}")


def _reason(job: Mapping[str, Any]) -> str:
    failed = next(c for c in job["status"]["conditions"] if c["type"] == FAILED)
    return f"Failed: {failed.get('reason', '')} {failed.get('message', '')}".strip()

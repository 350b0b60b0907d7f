"""The launcher's log across lost connections and new attempts, each line once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from trainer.kubernetes.client import Cluster

ROLE = "training.kubeflow.org/job-role"
OVERLAP_SECONDS = 30
"""How much is read again after a lost connection, so that no line is missed."""


class LauncherLog:
    """Writes the log of a job's newest launcher pod, going on where it stopped.

    Args:
        write: takes a line.
    """

    def __init__(self, cluster: Cluster, name: str, write: Callable[[str], None]):
        self._cluster, self._name, self._write = cluster, name, write
        self._pod: str | None = None
        self._last: tuple[str, str] = ("", "")
        self._read_at = 0.0

    def read(self, *, follow: bool, deadline: float = math.inf) -> bool:
        """Write what is new; whether there is a launcher at all.

        Args:
            follow: stay until the connection or the launcher ends.
            deadline: of `time.monotonic`; a log that is followed is left then.

        Raises:
            Unreachable: the connection was lost; reading again goes on behind the last line.
        """
        pods = [p for p in self._cluster.pods(self._name) if p.metadata.labels[ROLE] == "launcher"]
        started = [pod for pod in pods if pod.status.phase != "Pending"]
        if not started:
            return bool(pods)
        pod = started[-1].metadata.name
        self._choose(pod)
        since = None
        if self._read_at:
            since = math.ceil(time.monotonic() - self._read_at) + OVERLAP_SECONDS
        for line in self._cluster.log(pod, follow=follow, since_seconds=since):
            stamp, _, text = line.partition(" ")
            moment = _comparable(stamp)
            if moment > self._last:
                self._last, self._read_at = moment, time.monotonic()
                self._write(text)
            if time.monotonic() > deadline:
                break
        return True

    def _choose(self, pod: str) -> None:
        if self._pod not in (None, pod):
            self._write(f"--- a new attempt: {pod} ---")
        if self._pod != pod:
            self._pod, self._last, self._read_at = pod, ("", ""), 0.0


def _comparable(stamp: str) -> tuple[str, str]:
    """RFC 3339 times order as texts, once fractions of a second are equally long."""
    seconds, _, fraction = stamp.rstrip("Z").partition(".")
    return seconds, fraction.ljust(9, "0")

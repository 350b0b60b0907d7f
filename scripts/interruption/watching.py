"""What can be seen of a run's checkpoints from outside, while they are written."""

from __future__ import annotations

import contextlib
from pathlib import Path

from trainer.checkpoints.checkpoint import checkpoints, newest_checkpoint, read_position


class CheckpointWatch:
    """Begins when a command is started on a run that may be there already.

    Args:
        run_dir: the run's directory.

    Attributes:
        first_step: that of the newest whole checkpoint, which is where training goes on; 0 without
            one.
    """

    def __init__(self, run_dir: Path):
        self._directory = run_dir / "checkpoints"
        self._known = set(checkpoints(self._directory))
        self._left_behind = self._partial()
        newest = newest_checkpoint(self._directory) if self._known else None
        self.first_step = read_position(newest).step if newest else 0

    @property
    def new(self) -> int:
        """How many checkpoints are complete that were not there, as far as they are still kept."""
        return len(set(checkpoints(self._directory)) - self._known)

    @property
    def newest_step(self) -> int:
        """The step of the newest complete one, 0 without one; its content is not looked at."""
        found = checkpoints(self._directory)
        return _step_of(found[-1].name) if found else 0

    def writing(self) -> int | None:
        """The step of the one that is being written; what was left behind before does not count."""
        new = self._partial() - self._left_behind
        return max((_step_of(name) for name, _ in new), default=None)

    def _partial(self) -> set[tuple[str, int]]:
        found = set()
        for path in self._directory.glob(".step-*.partial"):
            with contextlib.suppress(FileNotFoundError):  # just renamed
                found.add((path.name, path.stat().st_ctime_ns))
        return found


def _step_of(name: str) -> int:
    return int(name.removesuffix(".partial").rpartition("-")[2])

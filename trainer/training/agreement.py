"""What processes agree on between two steps: to stop, to end, to take in others, to commit.

A signal reaches one process, or all of them at different moments; a Keras callback runs on the
chief alone. Each says what it wants after every step, and all do the same after the same one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from trainer.checkpoints.commits import Commits
from trainer.checkpoints.position import Position
from trainer.checkpoints.saver import Saver
from trainer.distribution.distribution import Distribution
from trainer.errors import Stopped

SIGNAL_SECONDS = 1.0
"""How far apart a signal that is meant for all processes may reach them."""


class Wish(IntEnum):
    """What a process wants after a step. All do what the largest wish says."""

    NOTHING = 0
    SAVE = 1
    """A checkpoint, since enough time has passed since the last one."""
    COMMIT = 2
    NEW_WORLD = 3
    """Hosts came or went."""
    END = 4
    """A callback has set the model's `stop_training`."""
    STOP = 100
    """Plus the number of the signal that asked for it. Of an elastic job only those stop that got
    one, unless all did."""

    @classmethod
    def ends(cls, wish: Any) -> Any:
        """Whether this process, or the world of processes, ends after this wish (also a tensor)."""
        return wish > cls.COMMIT


class Agreement:
    """Does what any process wants, on all of them, after the same step.

    A wish travels with the next step, which then is not applied if the wish ends training, nor is
    any after it. All have read it once the step after that has begun, and do it then.

    Args:
        model: Keras callbacks set its `stop_training`.
        synchronise: called on all processes before variables are saved or copied, which is
            `TrainStep.synchronise`.

    Attributes:
        stop_requested: the number of the signal that asked this process to stop; None = none did.
    """

    def __init__(self, distribution: Distribution, model: Any, synchronise: Callable[[], None]):
        self._distribution = distribution
        self._model = model
        self._synchronise = synchronise
        self.stop_requested: int | None = None

    def wish(self, saver: Saver, commits: Commits | None) -> int:
        """What this process wants now: a `Wish`."""
        if self.stop_requested is not None:
            return Wish.STOP + self.stop_requested
        if self._model.stop_training:
            return Wish.END
        if commits is not None and commits.hosts_changed:
            return Wish.NEW_WORLD
        if commits is not None and commits.is_due:
            return Wish.COMMIT
        return Wish.SAVE if saver.is_due_by_time else Wish.NOTHING

    def goes_on(self, position: Position, saver: Saver, commits: Commits | None) -> bool:
        """Ask all what they wish, before an epoch, and do it; see `fulfil`."""
        wish = self._distribution.largest(self.wish(saver, commits))
        return self.fulfil(wish, position, saver, commits)

    def fulfil(self, wish: int, position: Position, saver: Saver, commits: Commits | None) -> bool:
        """Do what is wished after a step, or before an epoch; false if training ends here.

        The chief has told of an epoch before it takes part in this. So a commit never holds the end
        of an epoch of which nobody has told: who goes on from a commit does not do that again.

        Does not return if hosts of an elastic job came or went.

        Raises:
            Stopped: a signal asked for it; a checkpoint was written.
        """
        started = time.monotonic()
        if wish != Wish.NOTHING:
            self._synchronise()
        if wish > Wish.STOP:
            self._stop(position, wish - Wish.STOP, saver, commits)
            wish = Wish.NEW_WORLD  # without those that leave
        if wish in (Wish.SAVE, Wish.END, Wish.NEW_WORLD):  # new processes may not be reachable
            saver.save(position)
        if commits is not None and wish in (Wish.COMMIT, Wish.NEW_WORLD):
            commits.commit(position, started)
        if commits is not None and wish == Wish.NEW_WORLD:
            commits.leave_world()
        return wish != Wish.END

    def stop_if_requested(self, position: Position, saver: Saver, commits: Commits | None) -> None:
        """Once all is done: a signal that came since the last step also stops what would follow.

        Raises:
            Stopped: there was one.
        """
        wish = self._distribution.largest(self.wish(saver, None))
        if wish > Wish.STOP:
            self._stop(position, wish - Wish.STOP, saver, commits)

    def _stop(self, position: Position, number: int, saver: Saver, commits: Commits | None) -> None:
        """End all processes or, of an elastic job, those that are asked to; the others return."""
        at = _in_words(position)
        if commits is None or self._all_are_asked_to_stop():
            saver.save(position)
            saver.finish()
            # Who left now would make the launcher end the others, the writing chief included.
            self._distribution.wait_for_all()
            raise Stopped(
                f"Stopped {at}; a checkpoint was written.",
                signal_number=number,
                how_to_go_on="The same command goes on from here.",
            )
        if self.stop_requested is not None:
            saver.save(position)
            saver.finish()
            raise Stopped(
                f"Left the job {at}; the others go on.", signal_number=self.stop_requested
            )

    def _all_are_asked_to_stop(self) -> bool:
        """Whether the elastic job is to end, not only some of its processes."""
        time.sleep(SIGNAL_SECONDS)
        return not self._distribution.largest(int(self.stop_requested is None))


def _in_words(position: Position) -> str:
    if position.step_in_epoch or not position.epoch:
        return f"after step {position.step}, in epoch {position.epoch + 1}"
    return f"after step {position.step}, the last of epoch {position.epoch}"

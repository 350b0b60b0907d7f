"""Elastic Horovod: a *world* of processes ends when one dies or hosts come or go, the job goes on.

Those that live meet again at the launcher, which gives them ranks anew and starts processes on new
hosts. Then all, old and new, do what a start does (see `trainer/run/train.py`), so that they
exchange the same things in the same order; only, training goes on from the last commit.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import horovod.tensorflow as hvd
import keras
import tensorflow as tf
from horovod.common.elastic import State, run_fn
from horovod.common.exceptions import HorovodInternalError, HostsUpdatedInterrupt
from horovod.runner.http.http_client import put_data_into_kvstore, read_data_from_kvstore

from data_pipeline.errors import InputError
from trainer.checkpoints.commits import Commit
from trainer.distribution.failures import is_of_another_process
from trainer.distribution.process_settings import set_horovod_defaults
from trainer.distribution.speaker import RANK, set_up_logging

logger = logging.getLogger(__name__)

MEETING_TIMEOUT = "HOROVOD_GLOO_TIMEOUT_SECONDS"
MEETING_SECONDS = 120
"""How long those that live wait for a new process to start; Horovod's 30 s are short for one that
loads TensorFlow from busy storage."""
NOTES, BAD_INPUT = "diet-ted-trainer", "bad-input"

Result = TypeVar("Result")


class ElasticJob(State):
    """What outlives worlds in one process; it is a `State` since Horovod tells those about hosts.

    Attributes:
        commit: what training goes back to.
        hosts_changed: whether hosts came or went since this world began.
        directory: where results go, once that has been decided.
    """

    def __init__(self) -> None:
        super().__init__(bcast_object=hvd.broadcast_object, get_rank=hvd.rank)
        self.commit: Commit | None = None
        self.hosts_changed = False
        self.directory: Path | None = None

    def on_hosts_updated(self, timestamp: int, update_res: int) -> None:
        """Called in a thread of the chief."""
        self.hosts_changed = True

    def leave_world(self) -> NoReturn:
        """End this world, since hosts came or went."""
        # Now, since what is heard from now on may be about the time after the next meeting.
        self.hosts_changed = False
        raise HostsUpdatedInterrupt(skip_sync=True)

    def save(self) -> None:
        """Nothing: training commits, see `trainer/checkpoints/commits.py`."""

    def restore(self) -> None:
        """Nothing: the next attempt of training does that, once it has variables."""

    def sync(self) -> None:
        """Nothing, as above."""


def train_elastically(attempt: Callable[[ElasticJob], Result]) -> Result:
    """Call `attempt` in this world and, while worlds end early, in the next.

    Args:
        attempt: initialises Horovod, trains to the end and returns. What it wants to know in the
            next world it keeps in the job.

    Raises:
        InputError: bad input, here or in another process; it would be as bad in the next world.
    """
    os.environ.setdefault(MEETING_TIMEOUT, str(MEETING_SECONDS))
    set_horovod_defaults()

    def in_this_world(job: ElasticJob) -> Result:
        try:
            return attempt(job)
        except InputError as error:
            _leave_note(str(error))
            raise
        except (tf.errors.OpError, RuntimeError) as error:
            if not is_of_another_process(error):
                raise
            _end_on_bad_input()
            job.hosts_changed = False
            logger.warning("Another process is gone; going on without it.")
            raise HorovodInternalError(str(error)) from None

    return run_fn(in_this_world, _meet_again)(ElasticJob())


def _meet_again() -> None:
    """Become part of the next world."""
    keras.utils.clear_session()  # names of operations count up, and must be those of new processes
    gc.collect()  # the model of the last world
    hvd.shutdown()
    hvd.init()
    os.environ[RANK] = str(hvd.rank())
    set_up_logging(again=True)
    logger.info("Going on with %d process(es).", hvd.size())


def _leave_note(error: str) -> None:
    """Tell the others why this process ends; while the launcher lives it keeps notes for them."""
    put_data_into_kvstore(*_launcher(), NOTES, BAD_INPUT, error)


def _end_on_bad_input() -> None:
    try:
        error = read_data_from_kvstore(*_launcher(), NOTES, BAD_INPUT)
    except RuntimeError:  # there is none
        return
    raise InputError(f"Another process ended training: {error}")


def _launcher() -> tuple[str, str]:
    return os.environ["HOROVOD_GLOO_RENDEZVOUS_ADDR"], os.environ["HOROVOD_GLOO_RENDEZVOUS_PORT"]

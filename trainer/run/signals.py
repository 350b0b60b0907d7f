"""Signals end training after the current step, with a checkpoint."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from trainer.training.loop import Trainer

logger = logging.getLogger(__name__)


@contextmanager
def stop_on_signal(trainer: Trainer) -> Iterator[None]:
    """Ctrl-C and SIGTERM end training after the current step, with a checkpoint.

    A second one ends it at once.
    """

    def stop(number: int, _frame) -> None:
        if trainer.stop_requested is not None:
            sys.exit(128 + number)
        logger.info("Stopping after this step; again to stop at once.")
        trainer.stop_requested = number

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

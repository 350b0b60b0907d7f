"""Signals end training after the steps that have begun, with a checkpoint."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from trainer.training.agreement import Agreement

logger = logging.getLogger(__name__)


@contextmanager
def stop_on_signal(agreement: Agreement) -> Iterator[None]:
    """Ctrl-C and SIGTERM end training after the steps that have begun, with a checkpoint.

    A second one ends it at once. So does one that came when there was nothing left to agree on, and
    any before training: of what is being prepared then nothing is left. Only a program's main
    thread can listen to signals; in another one nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: object) -> None:
        if agreement.stop_requested is not None:
            sys.exit(128 + number)
        logger.info("Stopping after this step; again to stop at once.")
        agreement.stop_requested = number

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if agreement.stop_requested is not None:
        signal.raise_signal(agreement.stop_requested)

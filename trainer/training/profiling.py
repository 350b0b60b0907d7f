"""`--profile`: where the time of a few steps goes, in TensorFlow and between processes."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import keras
import tensorflow as tf

from trainer.distribution.distribution import Distribution
from trainer.distribution.horovod import HOROVOD_TIMELINE, TIMELINE_ON_DEMAND

logger = logging.getLogger(__name__)

FIRST_STEP = 5  # building and warming up the graph are no part of a step
STEPS = 10


def allow_profiling() -> None:
    """To be called before Horovod starts, which reads this when it does."""
    os.environ.setdefault(HOROVOD_TIMELINE, TIMELINE_ON_DEMAND)


class ProfiledSteps(keras.callbacks.Callback):
    """Profiles ten steps of this call of `fit`, from its fifth on. For the chief only.

    Args:
        directory: gets a TensorFlow profile for TensorBoard (`plugins/profile`), and under Horovod
            `horovod_timeline.json` for chrome://tracing or ui.perfetto.dev.
    """

    def __init__(self, directory: Path, distribution: Distribution):
        super().__init__()
        self._directory = directory
        self._distribution = distribution
        self._done = 0
        self._running = False

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self._done += 1
        if self._done == FIRST_STEP - 1:
            self._start()
        elif self._done == FIRST_STEP - 1 + STEPS:
            self._stop()

    def on_train_end(self, logs: object = None) -> None:
        self._stop()

    def _start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        tf.profiler.experimental.start(str(self._directory))
        self._distribution.record_timeline(self._directory / "horovod_timeline.json")
        self._running = True

    def _stop(self) -> None:
        if self._running:
            self._running = False
            self._distribution.record_timeline(None)
            tf.profiler.experimental.stop()
            logger.info("Profile of %d steps: %s", self._done - FIRST_STEP + 1, self._directory)

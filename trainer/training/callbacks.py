"""What a run tells while it trains: lines, `metrics.jsonl`, TensorBoard. For the chief only."""

from __future__ import annotations

import json
import logging
import resource
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from data_pipeline.atomic_files import write_file

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0
QUEUED_EVENTS = 1000
"""That may wait to be written to `tensorboard/` before training does."""


class ProgressLine(keras.callbacks.Callback):
    """A line per epoch, and every half minute within a long one: losses, rate, time left."""

    def __init__(self) -> None:
        super().__init__()
        self._first_epoch = 0
        self._started = time.monotonic()

    def on_train_begin(self, logs: Any = None) -> None:
        self._first_epoch = self.params["first_epoch"]
        self._started = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch, self._steps, self._done = epoch, int(logs["steps"]), int(logs["done"])
        self._last_line = time.monotonic()
        self._timed_from: tuple[float, int] | None = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._done += 1
        now = time.monotonic()
        if self._timed_from is None:  # the first step also waits for the graph to be built
            self._timed_from = now, self._done
        started, done_before = self._timed_from
        if now - self._last_line < SECONDS_BETWEEN_LINES or self._done == done_before:
            return
        self._last_line = now
        per_step = (now - started) / (self._done - done_before)
        logger.info(
            "epoch %s  step %d/%d  loss %.3f  %.1f steps/s  epoch ends in %s",
            self._of_all(),
            self._done,
            self._steps,
            logs["loss"],
            1 / per_step,
            _duration(per_step * (self._steps - self._done)),
        )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        done = epoch + 1 - self._first_epoch
        left = self.params["epochs"] - epoch - 1
        per_epoch = (time.monotonic() - self._started) / done
        terms = "  ".join(
            f"{name.removeprefix('loss/')} {value:.3f}"
            for name, value in sorted(logs.items())
            if name.startswith(("loss/", "val_")) or name.endswith("accuracy")
        )
        if "bytes_per_step" in logs:
            terms += (
                f"  exchanging {logs['bytes_per_step'] / 1e6:.2f} MB/step, "
                f"{logs['communication_seconds'] / logs['seconds']:.0%} of the time"
            )
        logger.info(
            "epoch %s  loss %.3f  %s  %.0f examples/s  batch %d  %s left",
            self._of_all(),
            logs["loss"],
            terms,
            logs["examples_per_second"],
            logs["global_batch_size"],
            _duration(per_epoch * left),
        )

    def _of_all(self) -> str:
        return f"{self._epoch + 1}/{self.params['epochs']}"


class MetricsFile(keras.callbacks.Callback):
    """Appends a JSON object per epoch to `metrics.jsonl`."""

    def __init__(self, path: Path):
        super().__init__()
        self._path = path

    def on_train_begin(self, logs: Any = None) -> None:
        # A run that was killed repeats the epochs since its last checkpoint.
        if self._path.exists():
            lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if _epoch_of(line) <= self.params["first_epoch"]]
            if kept != lines:
                write_file(self._path, "".join(kept))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        record = {"epoch": epoch + 1, **logs, "peak_memory_bytes": peak_memory_bytes()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


class TensorBoardScalars(keras.callbacks.Callback):
    """Scalars per step (`step/…`) and per epoch (`epoch/…`), and texts at the beginning.

    Those of a step are one event, which a thread of TensorBoard's writes. `tf.summary.scalar` would
    take a sixth of a small model's step, and all other processes wait for the chief.
    """

    def __init__(self, directory: Path, texts: Mapping[str, str]):
        super().__init__()
        self._writer = EventFileWriter(str(directory), max_queue_size=QUEUED_EVENTS)
        self._texts = texts
        # `on_train_end` is not called when a signal or an error ends training.
        weakref.finalize(self, self._writer.close)

    def on_train_begin(self, logs: Any = None) -> None:
        for name, text in self._texts.items():
            self._write(self.params["first_step"], text_pb(name, f"```\n{text}\n```"))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._write(batch, _scalars("step", logs))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._write(epoch + 1, _scalars("epoch", logs))
        self._writer.flush()

    def on_train_end(self, logs: Any = None) -> None:
        self._writer.close()

    def _write(self, step: int, summary: Summary) -> None:
        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))


def _scalars(prefix: str, logs: Mapping[str, Any]) -> Summary:
    return Summary(
        value=[
            Summary.Value(tag=f"{prefix}/{name}", simple_value=value)
            for name, value in logs.items()
        ]
    )


def peak_memory_bytes() -> int:
    """The most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _epoch_of(line: str) -> float:
    """The epoch of a line of `metrics.jsonl`; a line cut short belongs to none."""
    try:
        return json.loads(line)["epoch"]
    except (ValueError, KeyError, TypeError):
        return float("inf")


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"

"""When things happened in a training: a Keras callback for either side, Rasa's Keras 2 and ours."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Any


class Clock:
    """Notes the times of a training; to be mixed with the `Callback` of the Keras at hand.

    Args:
        spawned: `time.time()` when the process was started.
        path: gets the notes as JSON when training has ended.
    """

    def __init__(self, spawned: float, path: Path):
        super().__init__()
        self._spawned, self._path = spawned, path
        self._notes: dict[str, Any] = {"epochs": [], "waits": []}
        self._ended: float | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._began = time.time()
        self._notes["before_training"] = self._began - self._spawned

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._note_wait()
        self._epoch = time.perf_counter(), time.process_time()
        self._steps = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._steps += 1
        self._notes.setdefault("first_step", time.time() - self._began)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        wall, cpu = self._epoch
        self._notes["epochs"].append(
            {
                "seconds": time.perf_counter() - wall,
                "cpu_seconds": time.process_time() - cpu,
                "steps": self._steps,
                "examples": (logs or {}).get("examples"),
                "exchange_seconds": (logs or {}).get("communication_seconds", 0.0),
            }
        )
        self._ended = time.perf_counter()

    def on_train_end(self, logs: Any = None) -> None:
        self._note_wait()
        self._notes["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self._path.write_text(json.dumps(self._notes), encoding="utf-8")

    def _note_wait(self) -> None:
        """Between two epochs: ours writes its checkpoint."""
        if self._ended is not None:
            self._notes["waits"].append(time.perf_counter() - self._ended)
            self._ended = None

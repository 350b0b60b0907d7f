"""Rasa's own training, with a clock: run by the Python that has Rasa, see `scripts/benchmark.py`.

python scripts/timing/rasas.py JOB.json SPAWNED
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from clock import Clock
from keras.callbacks import Callback


class KerasClock(Clock, Callback):
    """For Keras 2."""


def main() -> None:
    """Train what the job says; the clock's notes go where it says."""
    import rasa.model_training
    from rasa.utils.tensorflow.models import RasaModel

    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    fit = RasaModel.fit

    def timed_fit(self: Any, *args: Any, callbacks: Any = (), **named: Any) -> Any:
        clock = KerasClock(float(sys.argv[2]), Path(job["notes"]))
        return fit(self, *args, callbacks=[*callbacks, clock], **named)

    RasaModel.fit = timed_fit
    if job["model"] == "ted":
        rasa.model_training.train_core(
            domain=job["domain"][0],
            config=job["config"],
            stories=job["stories"][0],
            output=job["directory"],
            additional_arguments={"augmentation_factor": job["augmentation"]},
        )
    else:
        rasa.model_training.train_nlu(
            config=job["config"], nlu_data=job["nlu"][0], output=job["directory"]
        )


if __name__ == "__main__":
    main()

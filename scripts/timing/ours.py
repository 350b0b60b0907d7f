"""A training of ours, with a clock; or the parts of a step, one by one.

Run by `scripts/benchmark.py`. Arguments: JOB.json and the time at which the process was started.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from timing.clock import Clock

from trainer.cli.quiet_start import load_tensorflow


def main() -> None:
    """Do what the job says; the notes go where it says."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    load_tensorflow()
    if job["parts"]:
        from timing.parts import times_of_parts

        notes = times_of_parts(task_of(job), Path(job["directory"]), job["rounds"])
        Path(job["notes"]).write_text(json.dumps(notes), encoding="utf-8")
    else:
        _train(job, float(sys.argv[2]))


def task_of(job: dict[str, Any]) -> Any:
    """The task of training the job's model on its files."""
    from trainer.config.project import Project
    from trainer.run.chosen_tasks import make_task
    from trainer.run.resolve import resolve_all

    files = {name: [Path(path) for path in job[name]] for name in ("nlu", "domain", "stories")}
    project = Project.from_files(Path(job["config"]), **files)
    ours = [f"augmentation_factor={job['augmentation']}", *job["options"]]
    return make_task(project, resolve_all(project, (job["model"],), ours)[0])


def _train(job: dict[str, Any], spawned: float) -> None:
    import keras

    from trainer.run.request import TrainRequest
    from trainer.run.train import train

    class KerasClock(Clock, keras.callbacks.Callback):
        """For Keras 3."""

    clock = KerasClock(spawned, Path(job["notes"]))
    train(TrainRequest([task_of(job)], Path(job["directory"]), callbacks=[clock]))


if __name__ == "__main__":
    main()

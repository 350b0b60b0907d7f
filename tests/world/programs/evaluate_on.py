"""Run as a script: a trained run evaluated on other devices than it was trained on.

usage: evaluate_on.py RUN_DIR STRATEGY DEVICES

Prints the figures of `TrainingLoop.evaluate` over the training data, one line of JSON per process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from data_pipeline.messages.prepared import open_prepared
from trainer.checkpoints.checkpoint import load_variables, newest_checkpoint
from trainer.diet.config import DIETConfig
from trainer.diet.making import make_diet
from trainer.distribution.distribution import make_distribution
from trainer.records.run_directory import RunDirectory
from trainer.training.loop import TrainingLoop

BATCH_SIZE = 7


def main(run_dir: str, strategy: str, devices: str) -> None:
    run = RunDirectory(Path(run_dir))
    config, pipeline = run.load(DIETConfig)
    trainer = TrainingLoop(
        lambda: make_diet(config, pipeline, "float32"),
        distribution=make_distribution(strategy, logical_cpu_devices=int(devices)),
    )
    load_variables(newest_checkpoint(run.checkpoints), "model", trainer.model.variables)
    figures = trainer.evaluate(open_prepared(run.prepared).store, BATCH_SIZE)
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

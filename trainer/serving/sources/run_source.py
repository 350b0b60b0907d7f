"""A run directory as what answers: its newest checkpoints, also while it trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainer.records.run_directory import RunDirectory, runs_in
from trainer.serving.answering import Answering
from trainer.serving.sources.policies import ensemble
from trainer.trained_run import TrainedRun


class RunSource:
    """The models of one training. A new version is a new checkpoint of one of them."""

    def __init__(self, directory: Path) -> None:
        self.place = directory

    def newest(self) -> object:
        """The checkpoints of all models by name, and when what stands beside them was written:
        each run's configuration, and what is learnt when training has ended.
        """
        RunDirectory(self.place).existing_model()
        return [
            (
                run.path,
                [(path.name, path.stat().st_mtime_ns) for path in sorted(run.path.glob("*.json"))],
                sorted(path.name for path in run.checkpoints.glob("step-*")),
            )
            for run in runs_in(self.place)
        ]

    def load(self) -> Answering:
        """Load every model of the run.

        Raises:
            InputError: there is no run, or a model has no usable checkpoint.
        """
        run = TrainedRun(self.place)
        models: dict[str, Any] = {**run.of_messages, **run.policies, **run.of_dialogues}
        policy = run.policy if run.policies else None
        return Answering(
            version=", ".join(f"{name} step {model.step}" for name, model in models.items()),
            models={name: {"step": model.step} for name, model in models.items()},
            messages=(lambda texts: list(run.answers(texts))) if run.of_messages else None,
            dialogues=ensemble(policy, [*run.of_dialogues.values()]) if policy else None,
            domain=policy.domain if policy else None,
        )

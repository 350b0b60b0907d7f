"""Starting from what an earlier run learnt (`--init-from`): Rasa's `rasa train --finetune`.

The earlier run's labels and options stay, its vocabularies grow
(`data_pipeline.messages.earlier_pipeline`). Every weight is taken over; the rows of the input
kernels that belong to new columns are drawn like the kernel they join
(`RasaCustomLayer._replace_dense_for_sparse_layer`). Adam goes on with its moments if there are no
new columns and starts anew otherwise, as in Rasa; the new run counts its steps and epochs from 0.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.errors import InputError
from data_pipeline.json_differences import json_differences
from data_pipeline.messages.earlier_pipeline import EarlierPipeline, column_origins
from data_pipeline.messages.fitted_pipeline import PIPELINE_FILE, FittedPipeline
from model.diet.diet import DIET
from trainer.checkpoints.checkpoint import answering_checkpoint, damage, load_variables
from trainer.diet.config import DIETConfig
from trainer.diet.making import make_diet
from trainer.records.run_directory import RunDirectory
from trainer.training.loop import TrainingLoop
from trainer.training.trained_weights import load_weights

logger = logging.getLogger(__name__)

NEW_ROWS = 0x5EED
"""Keeps the draws for new rows apart from others of the same seed."""


@dataclass(frozen=True)
class WarmStart:
    """What a run starts from.

    Attributes:
        run: the directory of the earlier run.
        checkpoint: the name of its checkpoint.
        features: its fitted pipeline.
    """

    run: Path
    checkpoint: str
    features: EarlierPipeline

    @classmethod
    def find(cls, given: Path | None, run: RunDirectory, config: DIETConfig) -> WarmStart | None:
        """What `run` is to start from, or has been started from if it has begun; None = nothing.

        Args:
            given: the earlier run that the user named, if any.

        Raises:
            InputError: it is no run, has no checkpoint, or was trained with other options; or `run`
                has begun in another way.
        """
        if given is not None and given.resolve() == run.path.resolve():
            raise InputError(
                f"--init-from {given} is the run directory itself. Give the new run another "
                "--run-dir, or --fresh."
            )
        facts = run.facts()
        if facts is None:
            return None if given is None else cls.of(given, config)
        recorded = facts.get("init_from")
        if given is not None and not _is_recorded(given, recorded):
            before = recorded["run"] if recorded else "no other run"
            raise InputError(
                f"{run.path} holds a run that was started from {before}, not from {given}. Leave "
                "--init-from out to go on with it, or give --fresh or another --run-dir."
            )
        if recorded is None:
            return None
        directory = given or Path(recorded["run"])
        features = EarlierPipeline(directory, recorded["pipeline"])
        return cls(directory, recorded["checkpoint"], features)

    @classmethod
    def of(cls, directory: Path, config: DIETConfig) -> WarmStart:
        """The earlier run in `directory`, for a new one with these options.

        Raises:
            InputError: it is no run, has no checkpoint, or was trained with other options.
        """
        run = RunDirectory(directory)
        before, _ = run.load(DIETConfig)
        changed = json_differences(_fixed(before), _fixed(config))
        if changed:
            raise InputError(
                f"{directory} was trained with other options ({'; '.join(changed)}). Only epochs "
                "may differ in a run that starts from it: use its options, or train from scratch."
            )
        checkpoint = answering_checkpoint(run.checkpoints, best=before.diet.checkpoint_model)
        return cls(directory, checkpoint.name, EarlierPipeline.of(directory))

    def to_json(self) -> dict[str, str]:
        """What `run.json` records as `init_from`."""
        return {
            "run": str(self.run),
            "checkpoint": self.checkpoint,
            "pipeline": self.features.digest,
        }

    def initialise(self, trainer: TrainingLoop, pipeline: FittedPipeline, seed: int) -> None:
        """Give the chief's variables the earlier run's values.

        Args:
            pipeline: the new run's, which extends the earlier one's.
            seed: determines the rows of new columns.

        Raises:
            InputError: the checkpoint is gone or damaged, or the model has other parts now.
        """
        run = RunDirectory(self.run)
        path = run.checkpoints / self.checkpoint
        problem = damage(path)
        if problem is not None:
            raise InputError(
                f"Training was to start from {path}, but {problem}. Start over with --fresh."
            )
        config, earlier = run.load(DIETConfig)
        origins = column_origins(earlier, pipeline)
        new = [int(np.count_nonzero(columns < 0)) for columns in origins]
        if not any(new):
            for group in ("model", "optimizer"):
                load_variables(path, group, trainer.variables[group])
            logger.info("Starting from %s: no new features, so Adam goes on, too.", path)
            return
        before = make_diet(config, earlier, "float32")
        load_weights(before, path, config.diet.learning_rate)
        copy_weights(before, trainer.model, origins, seed)
        logger.info(
            "Starting from %s: %d new columns per token, %d per text; Adam starts anew.", path, *new
        )


def copy_weights(
    earlier: DIET, model: DIET, origins: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    """Give the variables of `model` the values of `earlier`.

    Args:
        origins: of `column_origins`: for the rows of the tokens' and of the texts' input kernel,
            the row in the earlier one or -1.
        seed: determines the rows of new columns: a normal distribution with the mean and the
            deviation of the earlier kernel.

    Raises:
        InputError: there are features of a kind that the earlier model had none of.
    """
    known = {variable.path: variable for variable in earlier.variables}
    features = model.text.features
    layers = (features.sequence, features.sentence)
    grown = {
        layer.kernel.path: rows
        for layer, rows in zip(layers, origins, strict=True)
        if layer is not None
    }
    if known.keys() != {variable.path for variable in model.variables}:
        raise InputError(
            "The training data has features of a kind that the earlier run had none of (such as "
            "the first regular expressions), so the model needs new layers. Train from scratch."
        )
    for number, variable in enumerate(model.variables):
        values = known[variable.path].numpy()
        if variable.path in grown:
            rng = np.random.default_rng((seed, NEW_ROWS, number))
            values = _grown(values, grown[variable.path], rng)
        variable.assign(values)


def _grown(kernel: np.ndarray, origins: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`[len(origins), units]`: the kernel's rows where they are now, and drawn ones."""
    rows = np.empty((len(origins), kernel.shape[1]), np.float32)
    is_new = origins < 0
    rows[~is_new] = kernel[origins[~is_new]]
    shape = (np.count_nonzero(is_new), kernel.shape[1])
    rows[is_new] = rng.normal(kernel.mean(), kernel.std(), shape)
    return rows


def _fixed(config: DIETConfig) -> dict[str, Any]:
    """What has to be the same (`FinetuningValidator`): Rasa's options, but for the epochs."""
    plain = json.loads(json.dumps(config.to_json()))
    del plain["trainer"], plain["diet"]["epochs"]
    return plain


def _is_recorded(directory: Path, recorded: Mapping[str, str] | None) -> bool:
    """Whether a run was started from that directory, which may have moved or be gone by now."""
    if recorded is None:
        return False
    if (directory / PIPELINE_FILE).is_file():
        return EarlierPipeline.of(directory).digest == recorded["pipeline"]
    return str(directory) == recorded["run"]

"""From a trained run to a SavedModel that needs nothing of this project to be served."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import keras
import tensorflow as tf

from data_pipeline.errors import InputError
from trainer.answers import TrainedRun

ENDPOINT = "serve"
EXTRA_ASSETS = "assets.extra"


def export(run: TrainedRun, directory: Path) -> Path:
    """Write the model as a SavedModel; an older one there is replaced whole.

    Its signature `serving_default` takes the text tensors of `model/batch.py` and returns what
    `DIET.call` does. Optimizer state and training-only tensors are left out. Beside it, in
    `assets.extra/pipeline.json`, are the names of intents and tags and the fitted featurizers.

    Raises:
        InputError: the directory is something else, or cannot be written.
    """
    if directory.exists() and not (directory / "saved_model.pb").is_file():
        raise InputError(f"{directory} exists and is not a SavedModel. Choose another --out.")
    partial = directory.with_name(f".{directory.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        archive = keras.export.ExportArchive()
        archive.track(run.model)
        archive.add_endpoint(ENDPOINT, _serving_function(run), [run.model.input_signature()])
        archive.write_out(str(partial), verbose=False)
        (partial / EXTRA_ASSETS).mkdir()
        run.pipeline.save(partial / EXTRA_ASSETS)
        if directory.exists():
            shutil.rmtree(directory)
        os.replace(partial, directory)
    except OSError as error:
        raise InputError(
            f"Cannot write a SavedModel to {directory}: {error.strerror or error}."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return directory


def _serving_function(run: TrainedRun):
    def serve(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return run.model(batch)

    return serve

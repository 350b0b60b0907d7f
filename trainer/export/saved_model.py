"""From a trained run to a SavedModel that needs nothing of this project to be served."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from data_pipeline.atomic_files import published_folder
from data_pipeline.errors import InputError
from trainer.task import Trained

EXTRA_ASSETS = "assets.extra"


def export(run: Trained, directory: Path) -> Path:
    """Write the model as a SavedModel; an older one there is replaced whole.

    Its signature `serving_default` takes the tensors of `model/batch.py`, or `model/ted/batch.py`,
    and returns what the model's `call` does. Optimizer state and training-only tensors are left
    out. Beside it, in `assets.extra/`, is what was learnt from the data: `pipeline.json` with the
    names of intents and tags and the featurizers, or TED's `dialogue.json` with the domain.

    Raises:
        InputError: the directory is something else, or cannot be written.
    """
    if directory.exists() and not (directory / "saved_model.pb").is_file():
        raise InputError(f"{directory} exists and is not a SavedModel. Choose another --out.")
    try:
        with published_folder(directory) as folder:
            served = _served(run)
            tf.saved_model.save(served, str(folder), served.serve.get_concrete_function())
            (folder / EXTRA_ASSETS).mkdir()
            run.fitted.save(folder / EXTRA_ASSETS)
    except (OSError, tf.errors.OpError) as error:
        reason = error.message if isinstance(error, tf.errors.OpError) else error.strerror or error
        raise InputError(f"Cannot write a SavedModel to {directory}: {reason}.") from error
    return directory


def _served(run: Trained) -> tf.Module:
    """What is saved; `keras.export` would hold every weight twice and name no input."""
    module = tf.Module()
    module.weights = [variable.value for variable in run.model.variables]
    signature = {
        key: tf.TensorSpec(spec.shape, spec.dtype, name=key)
        for key, spec in run.model.input_signature().items()
    }
    module.serve = tf.function(run.model, input_signature=[signature])
    return module

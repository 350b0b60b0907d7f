"""A run that stopped in the middle of an epoch, when rows of its wide kernels are behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import trainer.run.train
from trainer.checkpoints.checkpoint import VARIABLES_FILE, checkpoints
from trainer.checkpoints.variables_file import StoredVariables
from trainer.diet.trained import TrainedDIET
from trainer.training import optimizer as optimizers

STOPPED_AFTER = 4
OPTIONS = (
    *("--epochs", "1"),
    *("--set", "checkpoint_every_steps=1"),
    *("--set", "keep_checkpoints=99"),
)
KERNEL = "model/diet/text/features/sentence/kernel"


@pytest.fixture
def train(command, make_project, tmp_path, monkeypatch):
    """`train(name, wide)`: a run whose kernels of at least `wide` weights are trained by rows.

    It holds a checkpoint of every step of its epoch.
    """
    project = make_project(tmp_path / "project")

    def run(name: str, wide: int) -> Path:
        monkeypatch.setattr(optimizers, "WIDE", wide)
        result = command("--project", project, "--run-dir", tmp_path / name, *OPTIONS)
        assert result.code == 0, result.err
        return tmp_path / name

    return run


def stopped(run: Path) -> Path:
    """The run as it was after that step."""
    path = Path(shutil.copytree(run, run.with_name(f"{run.name}-stopped")))
    for checkpoint in checkpoints(path / "checkpoints")[STOPPED_AFTER:]:
        shutil.rmtree(checkpoint)
    return path


def stored(run: Path) -> dict[str, np.ndarray]:
    """What the newest checkpoint holds."""
    with StoredVariables(checkpoints(run / "checkpoints")[-1] / VARIABLES_FILE) as file:
        return dict(file)


@pytest.mark.slow
def test_it_answers_and_is_exported_with_the_weights_of_dense_adam(train, command, tmp_path):
    dense, run = stopped(train("dense", wide=2**40)), stopped(train("lazy", wide=1))
    model = TrainedDIET.load(run).model
    out = tmp_path / "exported"
    result = command("export", run, "--out", out)
    assert result.code == 0, result.err
    exported = tf.saved_model.load(str(out / "1"))
    batch = {
        "text_mask": tf.ones([1, 1]),
        "text_sequence_indices": tf.constant([[0, 3]], tf.int64),
        "text_sequence_values": tf.ones([1]),
        "text_sentence_indices": tf.constant([[0, 5]], tf.int64),
        "text_sentence_values": tf.ones([1]),
    }
    for name, answer in exported.signatures["features"](**batch).items():
        np.testing.assert_allclose(answer, model(batch)[name], atol=1e-6, err_msg=name)

    with_rows_behind, expected = stored(run), stored(dense)
    loaded = {f"model/{variable.path}": variable.numpy() for variable in model.variables}
    greatest = np.abs(expected[KERNEL]).max()
    assert np.abs(with_rows_behind[KERNEL] - expected[KERNEL]).max() > 1e-3 * greatest
    for name, values in loaded.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5, err_msg=name)


class EndAfterThat(keras.callbacks.Callback):
    """Ends training in the middle of the epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == STOPPED_AFTER:
            self.model.stop_training = True


@pytest.mark.slow
def test_it_leaves_its_own_weights_and_goes_on_to_those_of_training_without_a_stop(
    train, monkeypatch
):
    callback, callbacks = EndAfterThat(), trainer.run.train._callbacks
    with monkeypatch.context() as patch:
        patch.setattr(
            trainer.run.train, "_callbacks", lambda *given: [*callbacks(*given), callback]
        )
        run = train("stopped", wide=1)
    left, loaded = callback.model.variables, TrainedDIET.load(run).model.variables
    assert len(checkpoints(run / "checkpoints")) == STOPPED_AFTER
    for one, other in zip(left, loaded, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)

    before, after = stored(train("lazy", wide=1)), stored(train("stopped", wide=1))
    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name], err_msg=name)

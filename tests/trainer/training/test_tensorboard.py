"""What TensorBoard is given: the figures of all steps, one event each, however training ends."""

from __future__ import annotations

import pytest
import tensorflow as tf

from trainer.training.callbacks import TensorBoardScalars


@pytest.fixture
def written(tmp_path):
    """`written()`: what the event file holds, as `(step, {tag: scalar})`, texts left out."""

    def read() -> list[tuple[int, dict[str, float]]]:
        (file,) = tmp_path.iterdir()
        events = [
            (event.step, {value.tag: value.simple_value for value in event.summary.value})
            for event in tf.compat.v1.train.summary_iterator(str(file))
        ]
        return [(step, values) for step, values in events if values]

    return read


def callback(directory, **texts):
    made = TensorBoardScalars(directory, texts)
    made.set_params({"first_step": 6})
    made.on_train_begin()
    return made


def test_each_step_is_one_event_with_all_its_figures(tmp_path, written):
    scalars = callback(tmp_path)
    scalars.on_train_batch_end(7, {"loss": 2.0, "gradient_norm": 0.5})
    scalars.on_train_batch_end(8, {"loss": 1.0, "gradient_norm": 0.25})
    scalars.on_epoch_end(1, {"loss": 1.5})
    expected = [
        (7, {"step/loss": 2.0, "step/gradient_norm": 0.5}),
        (8, {"step/loss": 1.0, "step/gradient_norm": 0.25}),
        (2, {"epoch/loss": 1.5}),
    ]
    assert written() == expected, "on disk at the end of an epoch"
    scalars.on_train_end()
    assert written() == expected


def test_nothing_is_lost_when_an_error_ends_training(tmp_path, written):
    def fails() -> None:
        scalars = callback(tmp_path)
        scalars.on_train_batch_end(7, {"loss": 2.0})
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert written() == [(7, {"step/loss": 2.0})]

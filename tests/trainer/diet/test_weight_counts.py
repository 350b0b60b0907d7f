"""Weights that `connection_density` leaves out are neither counted nor touched by training."""

from __future__ import annotations

import json
import zipfile

import tensorflow as tf
from command_line import newest_variables

from trainer.checkpoints.checkpoint import VARIABLES_FILE, newest_checkpoint


def test_missing_weights_and_their_moments_are_zero_after_training(trained):
    # With L2 on the encoder's input projection, whose rule acts on every weight with a gradient.
    arrays = newest_variables(trained.run)
    masks = [name for name in arrays if name.endswith("/connections")]
    assert masks
    for name in masks:
        missing = arrays[name] == 0
        kernel = name.replace("/connections", "/kernel")
        in_optimizer = kernel.removeprefix("model/").replace("/", "_")
        slots = [n for n in arrays if n.startswith("optimizer/") and in_optimizer in n]
        assert missing.any() and len(slots) == 2, name
        for array in (kernel, *slots):
            assert not arrays[array][missing].any(), array
        assert arrays[kernel][~missing].any()


def test_missing_weights_take_no_room_in_checkpoints(trained):
    path = newest_checkpoint(trained.run / "checkpoints") / VARIABLES_FILE
    with zipfile.ZipFile(path) as stored:
        sizes = {info.filename: info.file_size for info in stored.infolist()}
    variables = newest_variables(trained.run)
    large = [n for n in variables if n.endswith("/connections") and variables[n].size >= 1024]
    assert large
    headers = 3 * 128
    for mask in large:  # of density 0.2: a bit for each weight, and a fifth of the kernel's floats
        for name, share in ((mask, 0.1), (mask.replace("/connections", "/kernel"), 0.45)):
            room = sum(size for file, size in sizes.items() if file.startswith(f"{name}@"))
            assert headers < room < share * variables[name].nbytes + headers, name


def test_the_run_says_how_many_weights_are_connected(trained):
    weights = json.loads((trained.run / "run.json").read_text(encoding="utf-8"))["weights"]
    variables = newest_variables(trained.run)
    model = {name: array for name, array in variables.items() if name.startswith("model/")}
    masks = [array for name, array in model.items() if name.endswith("/connections")]
    existing = sum(array.size for name, array in model.items() if "connections" not in name)
    missing = sum(int((array == 0).sum()) for array in masks)
    assert (weights["stored"], weights["connected"]) == (existing, existing - missing)
    assert 0 < weights["connected_in_transformer"] < weights["connected"]
    line = f"{existing - missing:,} trainable weights (connection_density leaves out {missing:,}"
    assert line in trained.result.err
    assert line in _text_in_tensorboard(trained.run / "tensorboard", "model")


def _text_in_tensorboard(directory, tag: str) -> str:
    for file in directory.rglob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                if value.tag == tag:
                    return tf.make_ndarray(value.tensor).item().decode()
    raise AssertionError(f"no text {tag!r} in {directory}")

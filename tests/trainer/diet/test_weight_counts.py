"""Weights that `connection_density` leaves out are neither counted nor touched by training."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import tensorflow as tf

from trainer.checkpoints.checkpoint import VARIABLES_FILE, newest_checkpoint


def test_missing_weights_and_their_moments_are_zero_after_training(trained):
    # With L2 on the encoder's input projection, whose rule acts on every weight with a gradient.
    with np.load(newest_checkpoint(trained.run / "checkpoints") / VARIABLES_FILE) as stored:
        arrays = dict(stored)
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
    with zipfile.ZipFile(newest_checkpoint(trained.run / "checkpoints") / VARIABLES_FILE) as stored:
        sizes = {info.filename: (info.compress_size, info.file_size) for info in stored.infolist()}
    masks = [name for name in sizes if name.endswith("/connections.npy") and sizes[name][1] > 4000]
    assert masks
    for name in masks:  # of density 0.2: a fifth of the floats, and where they are
        assert sizes[name][0] < 0.15 * sizes[name][1], name  # 0.123 seen, of a mask this small
        kernel = name.replace("/connections", "/kernel")
        assert sizes[kernel][0] < 0.45 * sizes[kernel][1], kernel


def test_the_run_says_how_many_weights_are_connected(trained):
    weights = json.loads((trained.run / "run.json").read_text(encoding="utf-8"))["weights"]
    with np.load(newest_checkpoint(trained.run / "checkpoints") / VARIABLES_FILE) as stored:
        model = {n: stored[n] for n in stored.files if n.startswith("model/")}
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

"""Goldens of the dot-product loss: every kind of it, on the same embeddings and draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from golden.recording import SEED, arrays_of, dense_arrays
from golden.replay import ReplayedNegatives
from rasa.utils.tensorflow.layers import SingleLabelDotProductLoss

ROWS, LABELS, UNITS, NEGATIVES = 9, 4, 5, 6


def dot_product(**options) -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    options = {"num_candidates": NEGATIVES, "mu_neg": -0.4, "neg_lambda": 0.8, **options}
    layer = SingleLabelDotProductLoss(**options)
    ids = rng.integers(0, LABELS, ROWS)
    table = rng.normal(size=(LABELS, UNITS)).astype(np.float32)
    # Near their labels, so that some rows are likely enough for `scale_loss` to set in.
    inputs = (1.5 * table[ids] + rng.normal(size=(ROWS, UNITS))).astype(np.float32)
    given, labels = tf.constant(inputs), tf.constant(table)
    batch_ids = tf.constant(ids[:, None].astype(np.float32))
    all_ids = tf.constant(np.arange(LABELS, dtype=np.float32)[:, None])
    with ReplayedNegatives(SEED) as negatives, tf.GradientTape() as tape:
        tape.watch([given, labels])
        own = tf.gather(labels, ids)
        loss, accuracy = layer(given, own, batch_ids, labels, all_ids)
    others, wrong = negatives.recorded
    assert np.any(ids[others] == ids[:, None]) and np.any(wrong == ids[:, None])
    gradients = tape.gradient(loss, {"input/inputs": given, "input/labels": labels})
    return {
        "inputs": {"inputs": inputs, "labels": table, "ids": ids.astype(np.int32)},
        "draws": {"inputs": others, "labels": wrong},
        "outputs": arrays_of({"loss": loss, "accuracy": accuracy}),
        "gradients": dense_arrays(gradients),
        "options": options,
    }


KINDS = {
    "softmax": {"constrain_similarities": False},
    "softmax_scaled": {"constrain_similarities": False, "scale_loss": True},
    "sigmoid": {"constrain_similarities": True},
    "sigmoid_scaled": {"constrain_similarities": True, "scale_loss": True},
    "sigmoid_cosine": {"constrain_similarities": True, "similarity_type": "cosine"},
    "margin": {"loss_type": "margin"},
    "margin_sum": {"loss_type": "margin", "use_max_sim_neg": False},
    "margin_cosine": {"loss_type": "margin", "similarity_type": "cosine"},
    "margin_sum_cosine": {
        "loss_type": "margin",
        "use_max_sim_neg": False,
        "similarity_type": "cosine",
    },
}

MAKERS = {
    f"dot_product_{name}": lambda options=options: dot_product(**options)
    for name, options in KINDS.items()
}

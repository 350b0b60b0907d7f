"""How many weights a model has, and how many of them exist."""

from __future__ import annotations

import keras
import tensorflow as tf

from model.layers.dense import count_connected_weights


def weight_counts(model: keras.Model, transformer: keras.layers.Layer | None) -> dict[str, int]:
    """How many trainable weights a built model has.

    Returns:
        * `stored`: all, those that `connection_density` left out included;
        * `connected`: those that exist;
        * `connected_in_transformer`: those of `transformer` among them.
    """
    return {
        "stored": sum(int(tf.size(variable)) for variable in model.trainable_variables),
        "connected": count_connected_weights(model),
        "connected_in_transformer": count_connected_weights(transformer) if transformer else 0,
    }

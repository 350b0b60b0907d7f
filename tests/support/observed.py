"""What an option can change about a model."""

from __future__ import annotations

import keras
import tensorflow as tf

from model.noise import Noise


def observed(model: keras.Model, batch: dict[str, tf.Tensor]) -> tuple[list, dict[str, float]]:
    """Shapes and L2 constants of a built model's variables, and its losses of one batch."""
    for variable in model.trainable_variables:
        # Sure of itself, or `scale_loss` would have nothing to scale.
        variable.assign(variable * 8.0 if "embed" in variable.path else variable)
    terms = model.loss_terms(batch, Noise(1, tf.constant(0, tf.int64)))
    weights = [(v.shape, v.regularizer and float(v.regularizer.l2)) for v in model.variables]
    return weights, {name: float(term.total) for name, term in terms.losses.items()}

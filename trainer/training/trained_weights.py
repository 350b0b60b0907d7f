"""The weights of a checkpoint, for a model that answers."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from model.replicas import ONE_REPLICA
from trainer.checkpoints.checkpoint import load_variables, read_position
from trainer.training.optimizer import make_optimizer


def load_weights(model: keras.Model, checkpoint: Path, learning_rate: float) -> None:
    """Build the model and give it the weights of a checkpoint.

    Args:
        learning_rate: of the training that wrote the checkpoint.

    Raises:
        InputError: the checkpoint is damaged, or of another configuration.
    """
    model.build()
    load_variables(checkpoint, "model", model.variables)
    if read_position(checkpoint).step_in_epoch > 0:
        # Written in the middle of an epoch, when rows of wide kernels may be behind.
        optimizer = make_optimizer(model, learning_rate, ONE_REPLICA)
        load_variables(checkpoint, "optimizer", optimizer.variables)
        for rows in optimizer.owned_rows:
            for start in rows.blocks:
                rows.synchronise(tf.constant(start, tf.int64), caught_up=True)

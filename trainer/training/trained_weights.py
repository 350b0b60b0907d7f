"""The weights of a checkpoint, for a model that answers."""

from __future__ import annotations

from pathlib import Path

import keras

from trainer.checkpoints.checkpoint import load_variables, read_position
from trainer.distribution.distribution import SingleDevice
from trainer.training.optimizer import make_optimizer
from trainer.training.wide_kernels import WideKernels


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
        device = SingleDevice()
        optimizer = make_optimizer(model, learning_rate, device.replicas)
        load_variables(checkpoint, "optimizer", optimizer.variables)
        WideKernels(optimizer, device).bring_up_to_date()

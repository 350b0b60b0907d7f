"""Run as a script: a kernel whose rows are updated when touched, on replicas that touch others.

usage: wide_kernel.py STRATEGY DEVICES REPLICAS

The global batch of a step is the same for any number of replicas. Prints one line of JSON per
process: the kernel at the end, for each replica.
"""

from __future__ import annotations

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from model.layers.sparse import DenseForSparse
from model.loss_term import LossTerm, Terms
from model.replicas import Replicas
from trainer.distribution.distribution import make_distribution
from trainer.training import optimizer as optimizers
from trainer.training.precision import LossScale
from trainer.training.step import TrainStep

ROWS, WIDTH, UNITS, STEPS = 8, 40, 3, 30


class OneKernel(keras.Model):
    """The squared output of a sparse layer."""

    def build(self, input_shape=None) -> None:
        self.layer = DenseForSparse(UNITS, regularization=0.01, name="layer")
        self.layer.build((None, WIDTH))

    def loss_terms(self, batch, noise, replicas: Replicas) -> Terms:
        outputs = self.layer(batch["indices"], tf.ones_like(batch["columns"]), batch["rows"])
        weight = tf.cast(batch["rows"], tf.float32)
        return Terms({"loss": LossTerm(tf.reduce_sum(tf.square(outputs)), weight)}, {})


def shard(context: tf.distribute.InputContext, replicas: int):
    """This replica's rows of every batch: row r of step s has two features, most of them rare."""
    share = ROWS // replicas
    for step in range(STEPS):
        columns = np.random.default_rng(step).integers(0, WIDTH, size=(ROWS, 2)) % (step + 10)
        for replica in range(replicas):
            if context.num_input_pipelines > 1 and replica != context.input_pipeline_id:
                continue
            own = np.sort(columns[replica * share : (replica + 1) * share], axis=1)
            rows = np.repeat(np.arange(share), 2)
            yield {
                "indices": np.stack([rows, own.ravel()], axis=1).astype(np.int64),
                "columns": own.ravel().astype(np.float32),
                "rows": np.int32(share),
            }


def main(strategy: str, devices: str, replicas: str) -> None:
    optimizers.WIDE = 1
    distribution = make_distribution(strategy, logical_cpu_devices=int(devices))
    keras.utils.set_random_seed(1)
    with distribution.scope():
        model = OneKernel()
        model.build()
        optimizer = optimizers.make_optimizer(model, 0.01, distribution.replicas)
        scale = LossScale("float32")
    step = TrainStep(model, optimizer, distribution, scale, seed=0, clip_norm=1.0)
    spec = {
        "indices": tf.TensorSpec([None, 2], tf.int64),
        "columns": tf.TensorSpec([None], tf.float32),
        "rows": tf.TensorSpec([], tf.int32),
    }
    batches = distribution.dataset(
        lambda context: tf.data.Dataset.from_generator(
            lambda: shard(context, int(replicas)), output_signature=spec
        )
    )
    step.compile(batches.element_spec)
    for number, batch in enumerate(batches):
        step(batch, number)
    step.bring_up_to_date()
    value = model.layer.kernel.value
    copies = [copy.numpy().tolist() for copy in getattr(value, "values", (value,))]
    print(json.dumps({"kernels": copies}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

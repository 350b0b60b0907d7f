"""Run as a script: float16 steps of which one overflows, on the last replica only.

usage: overflow_on_one_replica.py STRATEGY DEVICES

Prints one line of JSON per process: for each step, whether it was finite, and after it the weight
on every replica, the loss scale and the number of skipped steps.
"""

from __future__ import annotations

import json
import sys

import keras
import tensorflow as tf

from model.loss_term import LossTerm, Terms
from model.replicas import Replicas
from trainer.distribution.distribution import make_distribution
from trainer.training.optimizer import FusedAdam
from trainer.training.precision import LossScale
from trainer.training.step import TrainStep

STEPS = 4
BAD_STEP = 1


class OneWeight(keras.Model):
    """A weight of one number, whose gradient is infinite where a batch says so."""

    def build(self, input_shape=None) -> None:
        self.weight = self.add_weight(shape=(1,), initializer="ones", name="weight")

    def loss_terms(self, batch, noise, replicas: Replicas) -> Terms:
        bad = batch["bad"] & (replicas.index == replicas.count - 1)
        factor = tf.where(bad, float("inf"), 1.0)
        total = tf.reduce_sum(self.weight.value) * factor
        return Terms({"loss": LossTerm(total, tf.ones([]))}, {})


def main(strategy: str, devices: str) -> None:
    distribution = make_distribution(strategy, logical_cpu_devices=int(devices))
    with distribution.scope():
        model = OneWeight(dtype="mixed_float16")
        model.build()
        optimizer = FusedAdam(0.1)
        optimizer.build(model.trainable_variables)
        scale = LossScale("mixed_float16")
    step = TrainStep(model, optimizer, distribution, scale, seed=0)
    bad = tf.data.Dataset.range(STEPS).map(lambda number: {"bad": number == BAD_STEP})
    # An element per replica of this process.
    elements = bad.flat_map(lambda x: tf.data.Dataset.from_tensors(x).repeat(int(devices)))
    batches = distribution.dataset(lambda _: elements)
    step.compile(batches.element_spec)
    seen = []
    for number, batch in enumerate(batches):
        finite = bool(step(batch, number).read()["finite"])
        copies = [copy.numpy() for copy in _copies(model.weight)]
        seen.append({"finite": finite, "weight": [float(w[0]) for w in copies], **scale.facts()})
    print(json.dumps(seen), flush=True)


def _copies(variable: keras.Variable) -> tuple:
    value = variable.value
    return getattr(value, "values", (value,))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The smallest model and data set that can be trained."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from scipy.sparse import csr_matrix

from data_pipeline.batches.example_store import ExampleStore
from data_pipeline.batches.examples import Examples, FeatureTables
from model.batch import LABEL_SPEC, WEIGHT_SPEC
from model.loss_term import LossTerm, Terms


class OneWeight(keras.Model):
    """A weight of which each step takes about a tenth."""

    def build(self, input_shape=None):
        self.weight = self.add_weight(shape=(1,), initializer="ones", name="weight")

    def training_signature(self):
        return {**WEIGHT_SPEC, **LABEL_SPEC}

    def loss_terms(self, batch, noise, replicas):
        weights = batch["example_weights"]
        return Terms({"a": LossTerm.of_rows(self.weight.value * weights, weights)}, {})

    def evaluation_terms(self, batch, replicas):
        labels = tf.cast(batch["label_ids"], tf.float32)
        mean_label = LossTerm.of_rows(labels, batch["example_weights"])
        return Terms(self.loss_terms(batch, None, replicas).losses, {"mean_label": mean_label})


def make_store(examples=12):
    """Examples of one token each, labelled 0, 1, 2 in turn."""
    ones, zeros = np.ones(examples, np.int32), np.zeros(examples, np.int32)
    row = csr_matrix(np.ones((1, 1), np.float32))
    return ExampleStore(
        FeatureTables(row, row, np.zeros((1, 0), np.float32), zeros[:1], zeros[:1], 1, ()),
        [
            Examples(
                *(ones, zeros, zeros, np.arange(examples, dtype=np.int32) % 3, {}),
                *(zeros, zeros[:0], zeros[:0].astype(np.float32)),
            )
        ],
    )

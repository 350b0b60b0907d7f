"""One label out of all, chosen by similarity: the loss of a batch, and the answers."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from model.batch import Batch
from model.layers.dense import Embed
from model.loss_term import LossTerm
from model.losses.dot_product_loss import Candidates, DotProductLoss, Pairs, similarity
from model.noise import Noise
from model.options.shared import SharedOptions
from model.replicas import Replicas, global_row_offset


def embedding(options: SharedOptions, width: int, dtype: Any, name: str) -> Embed:
    """What brings inputs or labels, `[batch, width]`, to where they are compared; built."""
    layer = Embed(
        options.embedding_dimension,
        regularization=options.regularization_constant,
        dtype=dtype,
        name=name,
    )
    layer.build((None, width))
    return layer


def choice_terms(
    loss: DotProductLoss,
    inputs: tf.Tensor,
    labels: tf.Tensor,
    batch: Batch,
    noise: Noise | None,
    replicas: Replicas,
) -> tuple[LossTerm, LossTerm]:
    """The loss that draws inputs to their labels, and the accuracy among the drawn labels.

    Args:
        inputs: `[batch, units]`, this replica's texts, embedded.
        labels: `[labels, units]`, all labels, embedded.
        batch: Its `label_ids` and `example_weights`.
    """
    inputs, labels = tf.cast(inputs, tf.float32), tf.cast(labels, tf.float32)
    ids, weights = batch["label_ids"], batch["example_weights"]
    rows, count = tf.shape(ids)[0], tf.shape(labels)[0]
    first = global_row_offset(replicas, rows)
    is_real = tf.cast(weights != 0, tf.int32)
    all_inputs, all_ids, are_real = replicas.all_gather([inputs, ids, is_real])
    return loss(
        Pairs(inputs, tf.gather(labels, ids), ids, weights, first, rows * replicas.count),
        Candidates(labels, tf.range(count), count),
        Candidates(all_inputs, all_ids, tf.reduce_sum(are_real)),
        noise=noise,
        replicas=replicas,
    )


def label_confidences(inputs: tf.Tensor, labels: tf.Tensor, options: SharedOptions) -> tf.Tensor:
    """`[batch, labels]` float32: the softmax over all labels, or the similarities themselves."""
    scores = similarity(inputs[:, None], labels[None], options.model_similarity)
    return tf.nn.softmax(scores) if options.confidences_are_softmax else scores

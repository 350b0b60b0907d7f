"""How right a model's answers are, as sums that replicas can add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from model.batch import Batch
from model.loss_term import LossTerm, Terms
from model.replicas import Replicas

if TYPE_CHECKING:
    from model.diet.diet import DIET


def evaluation_terms(model: DIET, batch: Batch, replicas: Replicas) -> Terms:
    """The losses of this replica's rows without noise, and how many of the answers are right.

    Rasa's validation metrics (`i_acc`, `e_f1`, `r_f1`, `g_f1`) are for the training graph: intents
    among drawn negatives, roles and groups given the true entities. These are for `DIET.call`.

    Returns:
        Losses as of `DIET.loss_terms`; metrics "intent_accuracy" among all labels and, per head
        there is, "entity_f1", "role_f1", "group_f1".
    """
    metrics: dict[str, LossTerm] = {}
    answers = model.call(batch)
    if model.learns_intents:
        best = tf.argmax(answers["intent_confidences"], -1, tf.int32)
        right = tf.cast(best == batch["label_ids"], tf.float32)
        metrics["intent_accuracy"] = LossTerm.of_rows(right, batch["example_weights"])
    for head in model.heads:
        metrics[f"{head}_f1"] = tag_f1(answers[f"{head}_tags"], batch[f"{head}_tags"])
    return Terms(model.loss_terms(batch, None, replicas).losses, metrics)


def tag_f1(predicted: tf.Tensor, true: tf.Tensor) -> LossTerm:
    """The micro F1 of tags (`[batch, time]` int32): 2 · hits / (predicted + true ones).

    Every tag but 0 is a class, BILOU prefixes included, as in Rasa's `CRF.f1_score`. Since it is a
    quotient of sums, it is exact over batches and replicas; Rasa takes the mean over batches.

    >>> hits, tags = tag_f1(tf.constant([[1, 2, 0]]), tf.constant([[1, 3, 0]]))
    >>> (float(hits), float(tags))
    (2.0, 4.0)
    """
    hits = tf.math.count_nonzero((predicted == true) & (true != 0), dtype=tf.float32)
    tags = tf.math.count_nonzero(predicted) + tf.math.count_nonzero(true)
    return LossTerm(2 * hits, tf.cast(tags, tf.float32))

"""The dot-product loss against Rasa's numbers, on the negatives that Rasa drew."""

import numpy as np
import pytest
import tensorflow as tf
from goldens import DIRECTORY, Golden, RecordedNoise, assert_close

from model.losses.dot_product_loss import Candidates, DotProductLoss, Pairs

NAMES = sorted(file.stem for file in DIRECTORY.glob("dot_product_*.npz"))
OURS = {
    "num_candidates": "num_negatives",
    "mu_neg": "max_negative",
    "use_max_sim_neg": "use_max_negative",
    "neg_lambda": "negative_margin_scale",
}


@pytest.mark.shows(
    "similarity_type",
    "diet.loss_type",
    "constrain_similarities",
    "scale_loss",
    "maximum_positive_similarity",
    "maximum_negative_similarity",
    "use_maximum_negative_similarity",
    "negative_margin_scale",
)
@pytest.mark.parametrize("name", NAMES)
def test_loss_accuracy_and_gradients(name):
    golden = Golden(name)
    # Rasa's layer adds the sigmoid losses unless told otherwise; with a margin it has none.
    options = {"constrain_similarities": True, **golden.options}
    layer = DotProductLoss(**{OURS.get(key, key): value for key, value in options.items()})
    layer.build()
    given = golden["input"]
    inputs, labels, ids = (tf.constant(given[key]) for key in ("inputs", "labels", "ids"))
    noise = RecordedNoise({f"/{key}": drawn for key, drawn in golden["draw"].items()})
    rows = len(ids)
    with tf.GradientTape() as tape:
        tape.watch([inputs, labels])
        pairs = Pairs(
            inputs, tf.gather(labels, ids), ids, tf.ones([rows]), tf.constant(0), tf.constant(rows)
        )
        (total, weight), right = layer(
            pairs,
            Candidates(labels, tf.range(len(labels)), tf.constant(len(labels))),
            Candidates(inputs, ids, tf.constant(rows)),
            noise=noise,
        )
        loss = total / weight
    gradients = tape.gradient(loss, {"input/inputs": inputs, "input/labels": labels})
    assert noise.asked == {"/inputs", "/labels"}
    assert_close(loss, golden["output"]["loss"], "loss")
    assert_close(right.total / right.weight, golden["output"]["accuracy"], "accuracy")
    for key, value in golden["gradient"].items():
        assert_close(tf.convert_to_tensor(gradients[key]), value, key)


def test_the_draws_have_negatives_that_are_none():
    golden = Golden(NAMES[0])
    ids, draws = golden["input"]["ids"], golden["draw"]
    assert np.any(ids[draws["inputs"]] == ids[:, None])
    assert np.any(draws["labels"] == ids[:, None])
    assert not np.all(draws["labels"] == ids[:, None], axis=1).any()

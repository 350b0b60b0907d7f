"""The CRF against Rasa's numbers."""

import numpy as np
import pytest
import tensorflow as tf
from goldens import Golden, assert_close

from model.losses.crf import CRF

NAMES = [
    "crf_plain",
    "crf_scaled_loss",
    "crf_unsure",
    "crf_sure",
    "crf_single_tokens",
    "crf_empty_texts",
]


def ours(golden):
    options = golden.options
    crf = CRF(
        options["num_tags"], regularization=options["reg_lambda"], scale_loss=options["scale_loss"]
    )
    crf.build()
    golden.give_weights(crf)
    given = golden["input"]
    return crf, *(tf.constant(given[name]) for name in ("logits", "tags", "lengths"))


@pytest.mark.parametrize("name", NAMES)
def test_likelihood_and_loss_and_their_gradients(name):
    golden = Golden(name)
    crf, potentials, tags, lengths = ours(golden)
    assert_close(crf.log_likelihood(potentials, tags, lengths), golden["output"]["likelihood"])
    with tf.GradientTape() as tape:
        tape.watch(potentials)
        total, weight = crf.loss(potentials, tags, lengths, tf.ones([len(lengths)]))
        loss = total / weight
    gradients = tape.gradient(
        loss, {"transitions": crf.transitions.value, "input/logits": potentials}
    )
    assert_close(loss, golden["output"]["loss"], "loss")
    if np.all(lengths == 1):
        # There are no transitions then, and Rasa has no gradient of them at all.
        assert not np.any(gradients.pop("transitions"))
    golden.assert_gradients(crf, gradients)


@pytest.mark.shows("entity_confidence")
@pytest.mark.parametrize("name", NAMES)
def test_decoded_tags_and_rasas_confidences(name):
    golden = Golden(name)
    crf, potentials, _, lengths = ours(golden)
    tags, confidences = crf(potentials, lengths)
    np.testing.assert_array_equal(tags, golden["output"]["tags"])
    assert_close(confidences, golden["output"]["confidences"])


def test_the_goldens_reach_what_is_special():
    """The rules of `scale_loss` and of confidences have branches, and the files reach them."""
    likeliest = {
        name: np.exp(Golden(f"crf_{name}")["output"]["likelihood"]).max()
        for name in ("scaled_loss", "unsure")
    }
    assert likeliest["scaled_loss"] > 0.5 > likeliest["unsure"]
    sure = Golden("crf_sure")
    inner = np.arange(sure["input"]["tags"].shape[1])[None] < sure["input"]["lengths"][:, None] - 2
    assert np.any(sure["output"]["confidences"][inner] == 1.0)
    assert np.any((sure["output"]["confidences"] < 1.0)[inner])

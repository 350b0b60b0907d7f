import numpy as np
import pytest
import tensorflow as tf

from model.losses.dot_product_loss import Candidates, DotProductLoss, Pairs, similarity
from model.noise import Noise

ROWS, LABELS, REAL, NEGATIVES = 6, 4, 5, 7
RNG = np.random.default_rng(2)
INPUTS = RNG.normal(size=[ROWS, 3]).astype(np.float32)
TABLE = RNG.normal(size=[LABELS, 3]).astype(np.float32)
IDS = np.array([0, 1, 1, 3, 2, 0], np.int32)
WEIGHTS = np.array([1, 1, 1, 1, 1, 0], np.float32)


def evaluate(layer, inputs=INPUTS, seed=1, table=TABLE, ids=IDS, weights=WEIGHTS):
    rows = len(inputs)
    pairs = Pairs(
        tf.constant(inputs),
        tf.constant(table[ids]),
        tf.constant(ids),
        tf.constant(weights),
        tf.constant(0),
        tf.constant(rows),
    )
    labels = Candidates(tf.constant(table), tf.range(LABELS), tf.constant(LABELS))
    others = Candidates(tf.constant(inputs), tf.constant(ids), tf.constant(int(weights.sum())))
    return layer(pairs, labels, others, noise=Noise(seed, tf.constant(4, tf.int64)))


def drawn(layer, seed=1):
    noise = Noise(seed, tf.constant(4, tf.int64))

    def draw(what, limit):
        return noise.indices(f"{layer.path}/{what}", [ROWS, NEGATIVES], tf.constant(limit)).numpy()

    return draw("labels", LABELS), draw("inputs", REAL)


def sigmoid_loss(logit, target):
    p = 1 / (1 + np.exp(-np.float64(logit)))
    return -np.log(p) if target else -np.log(1 - p)


def slow(layer):
    """Losses `[rows]` and hits `[rows]`, row by row as the specification tells it."""
    labels, others = drawn(layer)

    def unit(v):
        return v / np.linalg.norm(v) if layer.similarity_type == "cosine" else v

    def sim(a, b):
        return float(unit(a) @ unit(b))

    losses, hits = [], []
    for row, (x, own) in enumerate(zip(INPUTS, IDS, strict=True)):
        y = TABLE[own]
        bad_label = np.where(labels[row] == own, -1e9, 0)
        bad_input = np.where(IDS[others[row]] == own, -1e9, 0)
        positive = sim(x, y)
        il = np.array([sim(x, TABLE[k]) for k in labels[row]]) + bad_label
        ll = np.array([sim(y, TABLE[k]) for k in labels[row]]) + bad_label
        ii = np.array([sim(x, INPUTS[k]) for k in others[row]]) + bad_input
        li = np.array([sim(y, INPUTS[k]) for k in others[row]]) + bad_input
        hits.append(positive >= il.max())
        if layer.loss_type == "margin":

            def hinge(values):
                return max(0.0, layer.max_negative + np.max(values))

            loss = max(0.0, layer.max_positive - positive)
            if layer.use_max_negative:
                loss += hinge(il)
            else:
                loss += sum(hinge(value) for value in il)
            loss += layer.negative_margin_scale * (hinge(ll) + hinge(ii) + hinge(li))
        elif layer.constrain_similarities:
            logits = np.concatenate([[positive], il, li])
            loss = np.log(np.exp(logits).sum()) - positive
            rest = [v for v in np.concatenate([il, li, ii, ll]) if v > -1e8]
            total = sigmoid_loss(positive, 1) + sum(sigmoid_loss(v, 0) for v in rest)
            loss += total / (1 + 4 * NEGATIVES)
        else:
            logits = np.concatenate([[positive], il, li, ii, ll])
            loss = np.log(np.exp(logits).sum()) - positive
        losses.append(loss)
    return np.array(losses), np.array(hits)


@pytest.mark.shows(
    "number_of_negative_examples",
    "similarity_type",
    "diet.loss_type",
    "constrain_similarities",
    "maximum_positive_similarity",
    "maximum_negative_similarity",
    "use_maximum_negative_similarity",
    "negative_margin_scale",
)
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"constrain_similarities": True},
        {"loss_type": "margin", "similarity_type": "cosine"},
        {"loss_type": "margin", "similarity_type": "cosine", "use_max_negative": False},
        {"loss_type": "margin", "max_positive": 2.0, "max_negative": 0.3},
    ],
)
def test_loss_is_that_of_the_slow_version(arguments):
    layer = DotProductLoss(num_negatives=NEGATIVES, **arguments)
    layer.build()
    loss, accuracy = evaluate(layer)
    losses, hits = slow(layer)
    np.testing.assert_allclose(loss.total, (losses * WEIGHTS).sum(), rtol=1e-5)
    np.testing.assert_allclose(accuracy.total, (hits * WEIGHTS).sum())
    assert loss.weight == accuracy.weight == REAL


@pytest.mark.shows("diet.scale_loss")
def test_scale_loss_looks_at_the_easiest_real_row():
    plain, scaled = (
        DotProductLoss(num_negatives=NEGATIVES, scale_loss=scale, name="loss")
        for scale in (False, True)
    )
    plain.build(), scaled.build()
    for factor in (0.01, 3.0):
        inputs = TABLE[IDS] * factor
        one = evaluate(plain, inputs)[0].total
        other = evaluate(scaled, inputs)[0].total
        assert (one == other) == (factor < 1)


def test_gradients_are_finite_when_every_draw_is_bad():
    layer = DotProductLoss(constrain_similarities=True)
    layer.build()
    ids = np.zeros([ROWS], np.int32)
    inputs = tf.constant(INPUTS)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        pairs = Pairs(
            inputs, inputs, tf.constant(ids), tf.ones([ROWS]), tf.constant(0), tf.constant(ROWS)
        )
        everyone = Candidates(inputs, tf.constant(ids), tf.constant(ROWS))
        loss, accuracy = layer(pairs, everyone, everyone)
    assert np.isfinite(tape.gradient(loss.total, inputs)).all()
    assert accuracy.total == ROWS


def test_draws_do_not_depend_on_rows_that_only_fill():
    layer = DotProductLoss(constrain_similarities=True)
    layer.build()
    longer = np.concatenate([INPUTS, RNG.normal(size=[5, 3]).astype(np.float32)])
    ids = np.concatenate([IDS, np.zeros(5, np.int32)])
    weights = np.concatenate([WEIGHTS, np.zeros(5, np.float32)])
    one, other = evaluate(layer), evaluate(layer, longer, ids=ids, weights=weights)
    np.testing.assert_allclose(one[0], other[0], rtol=1e-6)
    np.testing.assert_array_equal(one[1], other[1])


def test_zero_vectors_have_cosine_zero_and_finite_gradients():
    zero = tf.zeros([2, 3])
    with tf.GradientTape() as tape:
        tape.watch(zero)
        cosine = similarity(zero, zero, "cosine")
    assert not np.any(cosine) and np.isfinite(tape.gradient(cosine, zero)).all()


def test_config_round_trip_and_float32():
    layer = DotProductLoss(num_negatives=3, loss_type="margin", dtype="mixed_float16")
    copy = DotProductLoss.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config() and copy.compute_dtype == "float32"


@pytest.mark.parametrize(
    "arguments, message",
    [({"loss_type": "hinge"}, "loss_type.*hinge"), ({"similarity_type": "dot"}, "type.*dot")],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        DotProductLoss(**arguments)

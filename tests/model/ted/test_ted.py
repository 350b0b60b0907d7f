"""TED as a model: what a turn's answer depends on, empty shares, replicas, and its config."""

import numpy as np
import pytest
import tensorflow as tf
from ted_toys import FULL, MANY, Toy, toy_ted

from model.noise import Noise
from model.product_policy import BFloat16Products
from model.replicas import ONE_REPLICA
from model.ted.batch import NO_LABEL
from model.ted.ted import TED

DIALOGUES = ("a ia ta", "ia as ts tae", "a tas", "ias ae", "ta ia", "")


def answers(model, batch):
    return model({key: batch[key] for key in model.input_signature()})


@pytest.mark.parametrize("options", [{}, FULL])
def test_dialogues_do_not_look_at_each_other(options):
    model, toy = toy_ted(**options), Toy(*DIALOGUES[:5])
    together = answers(model, toy.batch(model))
    for row in range(5):
        alone = answers(model, toy.batch(model, slice(row, row + 1)))
        for key in ("action_confidences", "action_similarities"):
            np.testing.assert_allclose(alone[key][0], together[key][row], rtol=1e-5, atol=1e-6)
    alone = [answers(model, toy.batch(model, slice(row, row + 1))) for row in range(5)]
    tags = [row for one in alone for row in np.sum(one["entity_tags"], axis=-1)]
    np.testing.assert_array_equal(tags, np.sum(together["entity_tags"], axis=-1))
    np.testing.assert_allclose(np.sum(together["action_confidences"], -1), 1, rtol=1e-5)


def test_tags_are_those_of_texts_in_last_turns():
    model, toy = toy_ted(), Toy("ta ia", "ta ta", "ia")
    assert answers(model, toy.batch(model))["entity_tags"].shape[0] == 1
    model = toy_ted(**FULL)
    batch = toy.batch(model)
    assert batch["entity_tags"].shape[0] == 3
    assert answers(model, batch)["entity_tags"].shape[0] == 1


def test_a_full_dialogue_is_judged_by_what_was_said_before():
    """The answer after each turn, as the dialogue's answer when it had come that far."""
    model, toy = toy_ted(**FULL), Toy("a ia tas as")
    _, packing, _ = dialogues = model._encode(toy.batch(model), None, ONE_REPLICA)
    every = model._answers(dialogues)["action_similarities"]
    for turn in range(4):
        shorter = Toy("a ia tas as")
        shorter.dialogues[0] = toy.dialogues[0][: turn + 1]
        answer = answers(model, shorter.batch(model))["action_similarities"]
        np.testing.assert_allclose(answer[0], every[turn], rtol=1e-4, atol=1e-5)


def test_what_a_turn_does_not_have_is_exactly_zero():
    """Not even a bias tells of it; turns without anything are all alike."""
    model, toy = toy_ted(), Toy("ia a", "a ia a")
    before = answers(model, toy.batch(model))["action_similarities"].numpy()
    for encoder in model.encoders:
        if encoder.attribute in ("slots", "entities", "text"):
            for variable in encoder.trainable_variables:
                variable.assign(variable + 1.0)
    after = answers(model, toy.batch(model))["action_similarities"].numpy()
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    "options",
    [
        {**FULL, "labels": MANY},
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param(FULL, marks=pytest.mark.slow),
        pytest.param({"use_masked_language_model": True}, marks=pytest.mark.slow),
    ],
)
def test_one_graph_takes_any_sizes_down_to_no_turn_with_an_attribute(options):
    model = toy_ted(**options)
    signature = [model.training_signature(), tf.TensorSpec([], tf.int64)]

    @tf.function(input_signature=signature, autograph=False)
    def gradients(batch, step):
        variables = [variable.value for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            terms = model.loss_terms(batch, Noise(1, step))
            total = tf.add_n([term.total for term in terms.losses.values()])
        found = tape.gradient(total, variables)
        return terms.losses, [tf.convert_to_tensor(g) for g in found if g is not None]

    for dialogues in (DIALOGUES, ("a a", "a"), ("", "")):
        losses, found = gradients(Toy(*dialogues).batch(model), tf.constant(3, tf.int64))
        assert all(np.isfinite(gradient).all() for gradient in found)
        weight = sum(1.0 for dialogue in dialogues if dialogue)
        assert float(losses["action"].weight) == pytest.approx(weight)
        if "t" not in "".join(dialogues):
            assert float(losses["entity"].weight) == 0


@pytest.mark.parametrize("options", [{}, FULL, {"labels": MANY}])
@pytest.mark.parametrize("dialogues", [DIALOGUES, ("a ia ta", "ta tas", "a ia a", "")])
def test_replicas_compute_what_one_device_does(run_replicas, options, dialogues):
    """In the second batch the second replica has neither texts nor slots, and a filling row.

    Dropout is drawn per replica, so it is off; the tolerance is for sums in another order. Of many
    labels each replica encodes its own: their gradients are added up once more.
    """
    model, toy = toy_ted(drop_rate_dialogue=0.0, **options), Toy(*dialogues)
    tolerance = 2e-5 if "labels" in options else 1e-5
    variables = {v.path: v.value for v in model.trainable_variables}

    def work(batch, replicas=ONE_REPLICA):
        with tf.GradientTape() as tape:
            noise = Noise(1, tf.constant(2, tf.int64), replicas)
            terms = model.loss_terms(batch, noise, replicas)
            total = tf.add_n([term.total for term in terms.losses.values()])
        gradients = tape.gradient(total, variables)
        dense = {k: tf.convert_to_tensor(v).numpy() for k, v in gradients.items() if v is not None}
        return terms.losses, dense

    whole, expected = work(toy.batch(model))
    rows = len(dialogues) // 2
    parts = [slice(0, rows), slice(rows, None)]
    batches = [toy.batch(model, part) for part in parts]

    def share(replicas):
        return work(batches[int(replicas.index)], replicas)

    shares = run_replicas(2, share)
    for name, term in whole.items():
        for part in ("total", "weight"):
            summed = sum(float(getattr(losses[name], part)) for losses, _ in shares)
            assert summed == pytest.approx(float(getattr(term, part)), rel=1e-5), name
    for path, gradient in expected.items():
        summed = sum(gradients[path] for _, gradients in shares)
        scale = np.abs(gradient).max() or 1.0
        assert np.abs(summed - gradient).max() <= tolerance * scale + 1e-7, path


def test_replicas_that_hold_unequally_many_texts_hide_tokens(run_replicas):
    """Which ones depends on the number of replicas, as dropout does."""
    model = toy_ted(use_masked_language_model=True)
    shares = [Toy("a ia ta", "ta tas").batch(model), Toy("a ia a", "").batch(model)]

    def work(replicas):
        noise = Noise(1, tf.constant(2, tf.int64), replicas)
        return model.loss_terms(shares[int(replicas.index)], noise, replicas).losses

    first, second = run_replicas(2, work)
    assert np.isfinite(first["action"].total + second["action"].total)
    assert [float(losses["action"].weight) for losses in (first, second)] == [2, 1]


def test_evaluation_counts_the_actions_that_are_answered():
    model, toy = toy_ted(), Toy(*DIALOGUES)
    batch = toy.batch(model)
    best = np.argmax(answers(model, batch)["action_confidences"], -1)[:5]
    metrics = model.evaluation_terms(batch).metrics
    assert float(metrics["action_accuracy"].weight) == 5
    assert float(metrics["action_accuracy"].total) == np.sum(best == batch["label_ids"][:5].numpy())
    assert metrics.keys() == {"action_accuracy", "entity_f1"}


def test_a_full_dialogue_counts_once_however_long():
    model, toy = toy_ted(**FULL), Toy("a ia a ia a ia", "a", "")
    terms = model.loss_terms(toy.batch(model))
    assert float(terms.losses["action"].weight) == pytest.approx(2)


def test_a_turn_without_a_label_is_as_if_it_were_not_asked_about(run_replicas):
    """Glued dialogues have such turns: where the next story begins, nothing could be predicted."""
    model, toy = toy_ted(**FULL, drop_rate_dialogue=0.0), Toy("a ia a", "ta tas", "ia", "")
    batch = toy.batch(model)
    labels = batch["label_ids"].numpy()
    without = labels.copy()
    without[[1, 5]] = NO_LABEL  # the second turn of the first dialogue, the only one of the third

    def share(replicas):
        rows, turns = [(slice(0, 2), slice(0, 5)), (slice(2, 4), slice(5, 7))][int(replicas.index)]
        own = toy.batch(model, rows) | {"label_ids": tf.constant(without[turns])}
        return model.loss_terms(own, Noise(1, tf.constant(2, tf.int64), replicas), replicas).losses

    noise = Noise(1, tf.constant(2, tf.int64))
    whole = model.loss_terms({**batch, "label_ids": tf.constant(without)}, noise).losses["action"]
    assert float(whole.weight) == pytest.approx(2)  # dialogues in which there is something to learn
    shares = [losses["action"] for losses in run_replicas(2, share)]
    assert sum(float(s.total) for s in shares) == pytest.approx(float(whole.total), rel=1e-5)
    other = np.where(without == NO_LABEL, (labels + 1) % 4, labels)
    right = [
        model.evaluation_terms({**batch, "label_ids": tf.constant(ids)}).metrics["action_accuracy"]
        for ids in (without, other)
    ]
    assert float(right[0].weight) == pytest.approx(2)
    assert float(right[1].weight) == pytest.approx(3)


@pytest.mark.parametrize("options", [FULL, {"labels": MANY}])
def test_a_copy_from_its_config_answers_alike(options):
    model, toy = toy_ted(**options), Toy(*DIALOGUES)
    copy = TED.from_config(model.get_config())
    copy.build()
    copy.set_weights(model.get_weights())
    batch = toy.batch(model)
    for key, value in answers(model, batch).items():
        np.testing.assert_array_equal(value, answers(copy, batch)[key])


@pytest.mark.parametrize("policy", [BFloat16Products(), "mixed_bfloat16", "mixed_float16"])
def test_low_precision_gives_finite_losses_in_float32(policy):
    model = toy_ted()
    low = TED(model.sizes, model.options, dtype=policy)
    low.build()
    losses = low.loss_terms(Toy(*DIALOGUES).batch(low), Noise(1, tf.constant(1, tf.int64))).losses
    assert all(t.total.dtype == tf.float32 and np.isfinite(t.total) for t in losses.values())

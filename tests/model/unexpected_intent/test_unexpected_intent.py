"""The model of unexpected intents: its options, replicas, accuracy, and its config."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from observed import observed
from ted_toys import Toy, toy_unexpected_intent

from model.layers.feature_widths import FeatureWidths
from model.noise import Noise
from model.product_policy import BFloat16Products
from model.replicas import ONE_REPLICA
from model.ted.labels import Labels
from model.unexpected_intent.options import UnexpectedIntentOptions
from model.unexpected_intent.sizes import UnexpectedIntentSizes
from model.unexpected_intent.unexpected_intent import UnexpectedIntent

DIALOGUES = ("a ia a", "ia as as ie", "a as", "ias ae", "a ia", "")

SMALL = {"drop_rate": 0.3, "drop_rate_dialogue": 0.3, "scale_loss": False}
RELATIVE = {"use_key_relative_attention": True}
# Option, its other value, and what else must be so for it to have a meaning.
CHANGES = [
    ("dense_dimension", {"intent": 7}, {}),
    ("encoding_dimension", 7, {}),
    ("transformer_size", {"dialogue": 4}, {}),
    ("number_of_transformer_layers", {"dialogue": 2}, {}),
    ("number_of_attention_heads", 4, {}),
    ("use_key_relative_attention", True, {}),
    ("use_value_relative_attention", True, {}),
    ("max_relative_position", 1, RELATIVE),
    ("embedding_dimension", 5, {}),
    ("connection_density", 0.3, {}),
    ("number_of_negative_examples", 2, {}),
    ("scale_loss", True, {}),
    ("regularization_constant", 0.1, {}),
    ("drop_rate", 0.6, {}),
    ("drop_rate_dialogue", 0.6, {}),
    ("drop_rate_attention", 0.5, {}),
    ("use_sparse_input_dropout", False, {}),
    ("use_dense_input_dropout", False, {}),
]
WITHOUT_EFFECT = [
    ("drop_rate_label", 0.5),
    ("priority", 3),
    ("hidden_layers_sizes", {"text": [6]}),
    ("concat_dimension", {"text": 7}),
    ("unidirectional_encoder", True),
    ("use_masked_language_model", True),
    ("entity_recognition", True),
    ("BILOU_flag", True),
    ("split_entities_by_comma", False),
    ("entity_confidence", "intended"),
    ("e2e_confidence_threshold", 0.1),
    ("similarity_type", "cosine"),
    ("loss_type", "margin"),
    ("constrain_similarities", True),
    ("maximum_positive_similarity", 0.5),
    ("maximum_negative_similarity", 0.3),
    ("use_maximum_negative_similarity", False),
    ("negative_margin_scale", 0.1),
    ("model_confidence", "auto"),
    ("renormalize_confidences", True),
]


def shown(changes):
    return [
        pytest.param(*of, id=of[0], marks=pytest.mark.shows(f"unexpected_intent.{of[0]}"))
        for of in changes
    ]


@pytest.fixture(scope="module")
def observe():
    """`observe(options)`: what is `observed` of a model with these options."""
    toy, seen = Toy(*DIALOGUES), {}

    def look(options):
        key = repr(sorted(options.items()))
        if key not in seen:
            keras.utils.set_random_seed(3)
            model = toy_unexpected_intent(**{**SMALL, **options})
            seen[key] = observed(model, toy.batch(model))
        return seen[key]

    return look


@pytest.mark.parametrize("option, value, others", shown(CHANGES))
def test_a_changed_option_changes_the_model_or_its_loss(observe, option, value, others):
    before, after = observe(others), observe({**others, option: value})
    assert np.isfinite(after[1]["intent"])
    assert before != after


@pytest.mark.parametrize("option, value", shown(WITHOUT_EFFECT))
def test_what_has_no_effect_changes_nothing(observe, option, value):
    assert observe({}) == observe({option: value})


def answers(model, batch):
    return model({key: batch[key] for key in model.input_signature()})


@pytest.mark.parametrize("dialogues", [DIALOGUES, ("a ia a", "a as", "ia", "")])
def test_replicas_compute_what_one_device_does(run_replicas, dialogues):
    """Dropout is drawn per replica, so it is off; the tolerance is for sums in another order."""
    model, toy = toy_unexpected_intent(drop_rate_dialogue=0.0), Toy(*dialogues)
    variables = {v.path: v.value for v in model.trainable_variables}

    def work(batch, replicas=ONE_REPLICA):
        with tf.GradientTape() as tape:
            noise = Noise(1, tf.constant(2, tf.int64), replicas)
            terms = model.loss_terms(batch, noise, replicas)
        gradients = tape.gradient(terms.losses["intent"].total, variables)
        dense = {k: tf.convert_to_tensor(v).numpy() for k, v in gradients.items() if v is not None}
        return terms.losses["intent"], dense

    whole, expected = work(toy.batch(model))
    rows = len(dialogues) // 2
    batches = [toy.batch(model, part) for part in (slice(0, rows), slice(rows, None))]
    shares = run_replicas(2, lambda replicas: work(batches[int(replicas.index)], replicas))
    for part in ("total", "weight"):
        summed = sum(float(getattr(loss, part)) for loss, _ in shares)
        assert summed == pytest.approx(float(getattr(whole, part)), rel=1e-5)
    for path, gradient in expected.items():
        summed = sum(gradients[path] for _, gradients in shares)
        scale = np.abs(gradient).max() or 1.0
        assert np.abs(summed - gradient).max() <= 1e-5 * scale + 1e-7, path


def test_a_dialogues_answer_does_not_depend_on_the_others():
    model, toy = toy_unexpected_intent(), Toy(*DIALOGUES)
    together = answers(model, toy.batch(model))
    for row in range(5):
        alone = answers(model, toy.batch(model, slice(row, row + 1)))
        for key, value in alone.items():
            np.testing.assert_allclose(value[0], together[key][row], rtol=1e-5, atol=1e-6)


def test_evaluation_counts_dialogues_that_go_on_with_the_most_similar_intent():
    model, toy = toy_unexpected_intent(), Toy(*DIALOGUES)
    batch = toy.batch(model)
    best = np.argmax(answers(model, batch)["intent_similarities"], -1)[:5]
    right = [one in ids for one, ids in zip(best, batch["intent_ids"].numpy(), strict=False)]
    metric = model.evaluation_terms(batch).metrics["intent_accuracy"]
    assert (float(metric.total), float(metric.weight)) == (sum(right), 5)


@pytest.mark.parametrize("by_words", [False, True])
def test_a_copy_from_its_config_answers_alike(by_words):
    model, toy = toy_unexpected_intent(), Toy(*DIALOGUES)
    if by_words:
        sizes = UnexpectedIntentSizes(
            attributes=model.sizes.attributes,
            labels=Labels(
                "intent",
                4,
                {"intent": FeatureWidths(sentence=3)},
                {
                    "intent_turns": np.arange(4),
                    "intent_indices": np.array([[0, 0], [1, 1], [2, 2], [3, 0], [3, 1]]),
                    "intent_values": np.ones(5, np.float32),
                },
            ),
        )
        model = UnexpectedIntent(sizes, model.options)
        model.build()
    copy = UnexpectedIntent.from_config(model.get_config())
    copy.build()
    copy.set_weights(model.get_weights())
    batch = toy.batch(model)
    for key, value in answers(model, batch).items():
        np.testing.assert_array_equal(value, answers(copy, batch)[key])


@pytest.mark.parametrize("policy", [BFloat16Products(), "mixed_bfloat16", "mixed_float16"])
def test_low_precision_gives_a_finite_loss_in_float32(policy):
    model = toy_unexpected_intent()
    low = UnexpectedIntent(model.sizes, model.options, dtype=policy)
    low.build()
    noise = Noise(1, tf.constant(1, tf.int64))
    total = low.loss_terms(Toy(*DIALOGUES).batch(low), noise).losses["intent"].total
    assert total.dtype == tf.float32 and np.isfinite(total)


def test_defaults_are_rasas():
    options = UnexpectedIntentOptions()
    assert options.scale_loss and options.drop_rate_dialogue == 0.1 and options.tolerance == 0
    assert options.priority == 2 and options.epochs == 1 and options.ranking_length == 10
    assert options.dense_dimension["label_intent"] == 20 and not options.ignore_intents_list


@pytest.mark.shows(
    *(f"unexpected_intent.{name}" for name in ("featurizer", "tolerance", "ignore_intents_list")),
    "unexpected_intent.use_gpu",
)
@pytest.mark.parametrize(
    "values, message",
    [
        ({"tolerance": 1.5}, "UnexpecTEDIntentPolicy: `tolerance` must be"),
        ({"ignore_intents_list": "greet"}, "`ignore_intents_list` must be a list"),
        ({"number_of_attention_heads": 3}, "must divide 128"),
        ({"use_gpu": False}, "`use_gpu` is not supported; hide the GPUs"),
        ({"featurizer": [{"name": "MaxHistoryTrackerFeaturizer"}]}, "`featurizer` must be"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        UnexpectedIntentOptions(**values)


def test_the_featurizer_may_be_named():
    named = [{"name": "IntentMaxHistoryTrackerFeaturizer"}]
    assert UnexpectedIntentOptions(featurizer=named).featurizer == named


@pytest.mark.parametrize(
    "sizes, message",
    [
        ({"attributes": {"intent": FeatureWidths(sentence=2)}}, "hold no action_name"),
        ({"attributes": {"text": FeatureWidths(sentence=2)}}, "`attributes` may hold intent"),
    ],
)
def test_sizes_that_do_not_fit_are_named(sizes, message):
    widths = FeatureWidths(sentence=2)
    given = {"attributes": {"intent": widths, "action_name": widths}, **sizes}
    with pytest.raises(ValueError, match=message):
        UnexpectedIntentSizes(labels=Labels("intent", 2), **given)

"""The response selector by itself: sizes, options, replicas, and what a round trip keeps."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from observed import observed

from model.layers.feature_widths import FeatureWidths
from model.noise import Noise
from model.response_selector.options import ResponseSelectorOptions
from model.response_selector.response_selector import ResponseSelector
from model.response_selector.sizes import ResponseSelectorSizes

TEXT = FeatureWidths(sequence=11, sentence=7, sequence_dense=3)
RESPONSE = FeatureWidths(sequence=8, sentence=6)
KEYS = {
    "key_features": ((((0, 1.0),), ((3, 1.0),)), (((1, 1.0),),), (((2, 2.0),),)),
    "key_width": 4,
}
RESPONSES = {
    "text_mask": np.array([[1, 1], [1, 0], [1, 1]], np.float32),
    "text_sequence_indices": np.array([[0, 1], [1, 3], [2, 0], [4, 7], [5, 2]]),
    "text_sequence_values": np.array([1, 1, 2, 1, 1], np.float32),
    "text_sentence_indices": np.array([[0, 1], [0, 3], [1, 0], [2, 5]]),
    "text_sentence_values": np.array([1, 1, 2, 1], np.float32),
}
SMALL = {
    "hidden_layers_sizes": {"text": [6], "label": [6]},
    "dense_dimension": {"text": 6, "label": 6},
    "concat_dimension": {"text": 6, "label": 6},
    "transformer_size": 8,
    "number_of_attention_heads": 2,
    "embedding_dimension": 4,
    "number_of_negative_examples": 5,
    "drop_rate": 0.3,
}
ENCODER = {"number_of_transformer_layers": 1}
MARGIN = {"loss_type": "margin"}
# Option, its other value, and what else must be so for it to have a meaning.
CHANGES = [
    ("hidden_layers_sizes", {"text": [7], "label": []}, {}),
    ("transformer_size", 12, ENCODER),
    ("number_of_transformer_layers", 1, {}),
    ("number_of_attention_heads", 4, ENCODER),
    ("use_key_relative_attention", True, ENCODER),
    ("use_value_relative_attention", True, ENCODER),
    ("max_relative_position", 2, {**ENCODER, "use_key_relative_attention": True}),
    ("unidirectional_encoder", True, {"number_of_transformer_layers": 2}),
    ("embedding_dimension", 5, {}),
    ("dense_dimension", {"text": 7, "label": 6}, {}),
    ("concat_dimension", {"text": 7, "label": 6}, {}),
    ("connection_density", 0.3, {}),
    ("use_masked_language_model", True, ENCODER),
    ("number_of_negative_examples", 2, {}),
    ("similarity_type", "inner", MARGIN),
    ("loss_type", "margin", {}),
    ("constrain_similarities", True, {}),
    ("scale_loss", False, {"number_of_negative_examples": 1}),
    ("maximum_positive_similarity", 0.5, MARGIN),
    ("maximum_negative_similarity", 0.3, MARGIN),
    ("use_maximum_negative_similarity", False, MARGIN),
    ("negative_margin_scale", 0.1, MARGIN),
    ("regularization_constant", 0.1, {}),
    ("drop_rate", 0.6, {}),
    ("drop_rate_attention", 0.5, ENCODER),
    ("use_sparse_input_dropout", True, {}),
    ("use_dense_input_dropout", True, {}),
]
OF_TEXTS = [
    ("hidden_layers_sizes", {"text": [6], "label": [7]}, {}),
    ("dense_dimension", {"text": 6, "label": 7}, {}),
    ("transformer_size", 12, ENCODER),
    ("number_of_transformer_layers", 1, {}),
    ("drop_rate", 0.6, {}),
]
SHOWN = [
    pytest.param(*change, id=change[0], marks=pytest.mark.shows(f"response_selector.{change[0]}"))
    for change in CHANGES
]


def make(by_text=False, text=TEXT, **options):
    labels = {"response": RESPONSE, "response_features": RESPONSES} if by_text else KEYS
    sizes = ResponseSelectorSizes(text=text, num_labels=3, **labels)
    keras.utils.set_random_seed(11)
    model = ResponseSelector(sizes, ResponseSelectorOptions(**{**SMALL, **options}))
    model.build()
    return model


@pytest.fixture
def batch(toy_batch):
    made = toy_batch([5, 3, 1, 4, 2, 5, 4, 3])
    made["text_sequence_dense"] = tf.reshape(tf.range(120.0) / 120, [8, 5, 3])
    return made


def test_defaults_are_rasas():
    options = ResponseSelectorOptions()
    assert options.hidden_layers_sizes == {"text": [256, 128], "label": [256, 128]}
    assert options.dense_dimension == options.concat_dimension == {"text": 512, "label": 512}
    assert options.transformer_size is None and options.number_of_transformer_layers == 0
    assert options.connection_density == 1.0 and options.scale_loss
    assert not options.use_sparse_input_dropout and not options.use_dense_input_dropout
    assert options.epochs == 300 and options.selector == "default"
    assert ResponseSelectorOptions.from_rasa({"retrieval_intent": "faq"}).selector == "faq"


@pytest.mark.shows(
    "response_selector.transformer_size",
    "response_selector.share_hidden_layers",
    "response_selector.run_eagerly",
    "response_selector.model_confidence",
)
def test_an_encoder_without_a_size_has_rasas_and_wrong_values_are_named():
    options = ResponseSelectorOptions(number_of_transformer_layers=1)
    assert options.text_transformer_size == 256
    with pytest.raises(ValueError, match="ResponseSelector: `retrieval_intent` must be a name"):
        ResponseSelectorOptions(retrieval_intent=3)
    with pytest.raises(ValueError, match="`run_eagerly` is not supported"):
        ResponseSelectorOptions(run_eagerly=True)
    with pytest.raises(ValueError, match="`model_confidence`"):
        ResponseSelectorOptions(model_confidence="high")
    with pytest.raises(ValueError, match="must be the same for text and label"):
        ResponseSelectorOptions(
            share_hidden_layers=True, hidden_layers_sizes={"text": [3], "label": []}
        )


@pytest.mark.shows(
    "response_selector.intent_classification",
    "response_selector.entity_recognition",
    "response_selector.BILOU_flag",
    "response_selector.split_entities_by_comma",
    "response_selector.entity_confidence",
    "response_selector.model_confidence",
    "response_selector.drop_small_last_batch",
    "response_selector.run_eagerly",
)
def test_options_of_intents_and_entities_mean_nothing():
    options = {"intent_classification": False, "entity_recognition": True, "BILOU_flag": False}
    changed = make(**options, split_entities_by_comma=False, entity_confidence="intended")
    assert [v.path for v in changed.variables] == [v.path for v in make().variables]


@pytest.fixture(scope="module")
def seen():
    """What was observed, by options: many changes start from the same."""
    return {}


@pytest.fixture
def observe(batch, seen):
    """`observe(options, by_text)`: what is `observed` of a selector with these options."""

    def look(options, by_text=False):
        key = repr((sorted(options.items()), by_text))
        if key not in seen:
            seen[key] = observed(make(by_text, **options), batch)
        return seen[key]

    return look


@pytest.mark.parametrize("option, value, others", SHOWN)
def test_a_changed_option_changes_the_model_or_its_losses(observe, option, value, others):
    before, after = observe(others), observe({**others, option: value})
    assert all(np.isfinite(loss) for loss in after[1].values())
    assert before != after


@pytest.mark.parametrize("option, value, others", OF_TEXTS)
def test_a_changed_option_changes_how_responses_are_encoded(observe, option, value, others):
    assert observe(others, True) != observe({**others, option: value}, True)


@pytest.mark.shows("response_selector.share_hidden_layers")
def test_layers_are_shared(batch):
    by_key = make(share_hidden_layers=True, text=FeatureWidths(sequence=11, sentence=7))
    assert by_key.label_hidden is by_key.text.hidden
    by_text = make(True, share_hidden_layers=True, text=RESPONSE)
    assert by_text.label_text is by_text.text
    with pytest.raises(ValueError, match="equally wide, as with `use_shared_vocab`"):
        make(True, share_hidden_layers=True)
    with pytest.raises(ValueError, match="texts and keys are equally wide"):
        make(
            share_hidden_layers=True,
            text=FeatureWidths(sequence=11, sentence=7),
            dense_dimension={"text": 6, "label": 5},
        )


@pytest.mark.parametrize("by_text", [False, True])
def test_a_round_trip_keeps_the_model(batch, by_text):
    model = make(by_text, **ENCODER)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    if not copy.built:
        copy.build()
    copy.set_weights(model.get_weights())
    assert copy.sizes.to_json() == model.sizes.to_json() and copy.options == model.options
    given = {key: batch[key] for key in model.input_signature()}
    np.testing.assert_array_equal(
        model(given)["response_confidences"], copy(given)["response_confidences"]
    )


@pytest.mark.parametrize("by_text", [False, True])
def test_two_replicas_have_the_losses_and_gradients_of_one(run_replicas, toy_batch, by_text):
    model = make(by_text, text=FeatureWidths(sequence=11, sentence=7), **ENCODER, drop_rate=0.0)
    lengths = [5, 3, 1, 4, 2, 5]
    variables = [v.value for v in model.trainable_variables]

    def terms_of(lengths, offset, replicas):
        whole = toy_batch([5, 3, 1, 4, 2, 5], time=5)
        rows = slice(offset, offset + len(lengths))
        mine = toy_rows(whole, rows)
        noise = Noise(1, tf.constant(0, tf.int64), replicas)
        with tf.GradientTape() as tape:
            terms = model.loss_terms(mine, noise, replicas)
            total = terms.losses["response"].total
        return total, tape.gradient(total, variables)

    from model.replicas import ONE_REPLICA

    whole, gradients = terms_of(lengths, 0, ONE_REPLICA)
    halves = run_replicas(2, lambda r: terms_of(lengths[:3], 3 * int(r.index), r))
    np.testing.assert_allclose(sum(float(h[0]) for h in halves), float(whole), rtol=1e-5)
    for one, two in zip(gradients, zip(*(h[1] for h in halves), strict=True), strict=True):
        summed = tf.add_n([tf.convert_to_tensor(g) for g in two])
        np.testing.assert_allclose(summed, tf.convert_to_tensor(one), atol=2e-5)


def toy_rows(batch, rows):
    """These rows of a batch of texts, as a batch."""
    time = batch["text_mask"].shape[1]
    made = {k: batch[k][rows] for k in ("text_mask", "label_ids", "example_weights")}
    for part, positions in (("sequence", time), ("sentence", 1)):
        cells = batch[f"text_{part}_indices"].numpy()
        mine = (cells[:, 0] >= rows.start * positions) & (cells[:, 0] < rows.stop * positions)
        made[f"text_{part}_indices"] = tf.constant(cells[mine] - [rows.start * positions, 0])
        made[f"text_{part}_values"] = batch[f"text_{part}_values"][mine]
    return made


@pytest.mark.parametrize(
    "sizes, message",
    [
        ({"num_labels": 1}, "at least 2 responses. Received: 1"),
        ({"num_labels": 4, **KEYS}, "features of 3 labels, but 4 labels"),
        ({"response": RESPONSE}, "`response_features` must hold .*text_mask"),
        ({"response": RESPONSE, "response_features": RESPONSES, **KEYS}, "either `key_features`"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        ResponseSelectorSizes(**{"text": TEXT, "num_labels": 3, **sizes})

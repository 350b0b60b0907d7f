import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.batch import check_batch
from model.diet.diet import DIET
from model.diet.options import DIETOptions
from model.layers.dense import count_connected_weights
from model.noise import Noise
from model.product_policy import BFloat16Products
from model.replicas import ONE_REPLICA

SMALL = {
    "transformer_size": 8,
    "number_of_attention_heads": 2,
    "number_of_transformer_layers": 1,
    "dense_dimension": {"text": 6, "label": 5},
    "embedding_dimension": 4,
    "number_of_negative_examples": 5,
    "constrain_similarities": True,
    "scale_loss": True,
}
STILL = {"drop_rate": 0.0}
STEP = tf.constant(3, tf.int64)


def small(sizes, **options):
    keras.utils.set_random_seed(5)
    model = DIET(sizes, DIETOptions(**{**SMALL, **options}))
    model.build()
    return model


def losses_and_gradients(model, batch, noise=None, replicas=ONE_REPLICA):
    """Terms, and the gradient of each loss's total (not yet divided by its weight), summed."""
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        terms = model.loss_terms(batch, noise, replicas)
        total = tf.add_n([term.total for term in terms.losses.values()])
    zeros = tf.UnconnectedGradients.ZERO
    gradients = tape.gradient(total, variables, unconnected_gradients=zeros)
    return terms, [tf.convert_to_tensor(gradient) for gradient in gradients]


def assert_same_terms(one, other, rtol=1e-5):
    for these, those in zip(one, other, strict=True):
        assert these.keys() == those.keys()
        for key in these:
            np.testing.assert_allclose(these[key], those[key], rtol=rtol, atol=1e-5, err_msg=key)


@pytest.mark.shows("diet.number_of_transformer_layers")
@pytest.mark.parametrize(
    "sizes, options",
    [
        ({}, {"use_masked_language_model": True}),
        ({"num_tags": {}}, {}),
        ({"num_tags": {"entity": 5, "group": 2}}, {"intent_classification": False}),
        ({}, {"entity_recognition": False, "loss_type": "margin", "scale_loss": False}),
        ({"text_sentence_width": 0}, {"unidirectional_encoder": True}),
        ({"text_sentence_width": 0}, {"number_of_transformer_layers": 0}),
        ({"label_token_features": (), "label_width": 3, "label_one_hot": True}, {}),
        ({}, {"use_key_relative_attention": True, "use_value_relative_attention": True}),
        ({}, {"hidden_layers_sizes": {"text": [7, 6], "label": [9]}}),
        (
            {},
            {
                "hidden_layers_sizes": {"text": [7], "label": [7]},
                "share_hidden_layers": True,
                "dense_dimension": {"text": 6, "label": 6},
            },
        ),
    ],
)
@pytest.mark.parametrize(
    "policy",
    ["float32", "mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)],
)
def test_every_kind_trains_and_answers(toy_sizes, toy_batch, sizes, options, policy):
    sizes = toy_sizes(**sizes)
    model = DIET(sizes, DIETOptions(**{**SMALL, **options}), dtype=policy)
    model.build()
    variables = len(model.variables)
    batch = toy_batch([3, 1, 4, 0], sizes)
    batch = {key: batch[key] for key in model.training_signature()}
    check_batch(model.training_signature(), tf.data.Dataset.from_tensors(batch).element_spec)
    terms, gradients = losses_and_gradients(model, batch, Noise(1, STEP))
    for term in [*terms.losses.values(), *terms.metrics.values()]:
        assert term.total.dtype == term.weight.dtype == tf.float32
        assert term.total.shape == term.weight.shape == []
        assert np.isfinite(term.total)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert np.isfinite(gradient).all(), variable.path
    answers = model({key: batch[key] for key in model.input_signature()})
    if options.get("intent_classification", True):
        assert answers["intent_confidences"].shape == (4, 3)
        assert answers["intent_confidences"].dtype == tf.float32
        if options.get("loss_type") != "margin":
            np.testing.assert_allclose(
                tf.reduce_sum(answers["intent_confidences"], 1), 1, rtol=1e-5
            )
    for head in model.heads:
        assert answers[f"{head}_tags"].shape == (4, 4)
        assert answers[f"{head}_tags"].dtype == tf.int32
        assert not np.any(answers[f"{head}_tags"][3])
    assert len(model.variables) == variables


def test_gradient_reaches_every_weight(toy_sizes, toy_batch):
    model = small(
        toy_sizes(),
        use_masked_language_model=True,
        use_key_relative_attention=True,
        scale_loss=False,
    )
    _, gradients = losses_and_gradients(model, toy_batch([9, 9, 8, 9] * 3), Noise(1, STEP))
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert np.any(gradient), variable.path


@pytest.mark.shows("diet.regularization_constant")
def test_variables_and_regularised_ones_are_rasas(toy_sizes):
    model = small(toy_sizes(), connection_density=1.0)
    # Spec 6.2 and 6.3: 11 decayed kernels with entity and role heads.
    assert sum(1 for variable in model.variables if variable.regularizer is not None) == 11
    assert len({variable.path for variable in model.variables}) == len(model.variables)
    assert len(model.trainable_variables) == 6 + 2 + (4 + 3 + 2 + 4) + 2 + 4 + 3 + 5
    assert count_connected_weights(model) == model.count_params()


def test_paths_do_not_depend_on_how_many_models_there_were(toy_sizes):
    one, other = small(toy_sizes()), small(toy_sizes())
    assert [v.path for v in one.variables] == [v.path for v in other.variables]
    for a, b in zip(one.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_padding_does_not_matter(toy_sizes, toy_batch):
    model = small(toy_sizes())
    reference = losses_and_gradients(model, toy_batch([3, 1, 4, 2]))
    for batch in (toy_batch([3, 1, 4, 2], time=9), _filled(toy_batch([3, 1, 4, 2]), 3)):
        terms, gradients = losses_and_gradients(model, batch)
        assert_same_terms(reference[0], terms)
        for one, other in zip(reference[1], gradients, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_fill_rows_do_not_change_any_draw(toy_sizes, toy_batch):
    model = small(toy_sizes(), use_masked_language_model=True)
    batch = toy_batch([3, 1, 4, 2] * 4)
    one = model.loss_terms(batch, Noise(1, STEP))
    other = model.loss_terms(_filled(batch, 3), Noise(1, STEP))
    assert_same_terms(one, other)


def _filled(batch, rows):
    """`batch` with rows of weight 0 behind it."""

    def keep(name):
        return name.endswith(("_indices", "_values"))

    def pad(value):
        return tf.pad(value, [[0, rows]] + [[0, 0]] * (value.shape.rank - 1))

    return {name: value if keep(name) else pad(value) for name, value in batch.items()}


@pytest.mark.parametrize("count", [2, 3])
def test_replicas_are_one_device(toy_sizes, toy_batch, run_replicas, split_batch, count):
    model = small(toy_sizes(), use_masked_language_model=True, **STILL)
    batch = toy_batch([6, 1, 7, 2, 5, 6, 3, 8, 2, 4, 0, 0])
    parts = split_batch(batch, count)

    def work(replicas):
        noise = Noise(1, STEP, replicas)
        index = int(replicas.index)
        return losses_and_gradients(model, parts[index], noise, replicas)

    whole, gradients = losses_and_gradients(model, batch, Noise(1, STEP))
    results = run_replicas(count, work)
    summed = [
        {key: np.sum([np.array(result[0][which][key]) for result in results], 0) for key in terms}
        for which, terms in enumerate(whole)
    ]
    assert_same_terms(whole, summed)
    for number, variable in enumerate(model.trainable_variables):
        parts_sum = sum(result[1][number].numpy() for result in results)
        np.testing.assert_allclose(
            gradients[number], parts_sum, rtol=1e-3, atol=1e-4, err_msg=variable.path
        )


def test_one_trace_serves_every_shape(toy_sizes, toy_batch):
    model = small(toy_sizes(), use_masked_language_model=True)
    traces = []

    @tf.function(input_signature=[model.training_signature(), tf.TensorSpec([], tf.int64)])
    def step(batch, number):
        traces.append(number)
        return losses_and_gradients(model, batch, Noise(1, number))[0]

    answer = tf.function(model.call, input_signature=[model.input_signature()])
    for lengths in ([3, 1], [2, 5, 4, 0], [1]):
        batch = toy_batch(lengths)
        step({key: batch[key] for key in model.training_signature()}, STEP)
        answer({key: batch[key] for key in model.input_signature()})
    assert len(traces) == 1


def test_it_learns_a_toy_data_set(toy_sizes, toy_batch):
    # With `scale_loss` it would stop learning what it is half sure of.
    learns = {"scale_loss": False, "regularization_constant": 0.0, "transformer_size": 32}
    model = small(toy_sizes(), drop_rate=0.1, **learns)
    batch = toy_batch([3, 1, 4, 2, 5, 3])
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(number):
        with tf.GradientTape() as tape:
            terms = model.loss_terms(batch, Noise(1, number)).losses.values()
            loss = tf.add_n([term.total / term.weight for term in terms])
        variables = [variable.value for variable in model.trainable_variables]
        optimizer.apply(tape.gradient(loss, variables), model.trainable_variables)

    for number in range(200):
        step(tf.constant(number, tf.int64))
    answers = model(batch)
    # Five seeds, with and without oneDNN: the right intent leads by 0.9998 or more, the right tag
    # has 0.80 or more.
    np.testing.assert_array_equal(tf.argmax(answers["intent_confidences"], 1), batch["label_ids"])
    for head in ("entity", "role"):
        np.testing.assert_array_equal(answers[f"{head}_tags"], batch[f"{head}_tags"])


def test_roles_are_given_the_decoded_entities(toy_sizes, toy_batch):
    model = small(toy_sizes())
    batch = toy_batch([3, 2])
    before = model(batch)["role_tags"]
    head = model.tag_heads[1]
    head.given.kernel.assign(head.given.kernel * 1000)
    text = model.text(batch)
    expected, _ = head(text.rows, text.places, tf.constant(3), model(batch)["entity_tags"])
    np.testing.assert_array_equal(model(batch)["role_tags"], expected)
    assert before.shape == expected.shape


@pytest.mark.parametrize("policy", ["mixed_bfloat16", BFloat16Products()], ids=str)
def test_config_round_trip(toy_sizes, toy_batch, tmp_path, policy):
    model = DIET(toy_sizes(), DIETOptions(**SMALL), dtype=policy)
    model.build()
    config = json.loads(json.dumps(model.get_config()))
    copy = DIET.from_config(config)
    copy.build()
    assert copy.get_config() == model.get_config()
    assert copy.dtype_policy == model.dtype_policy
    copy.set_weights(model.get_weights())
    batch = toy_batch([3, 2])
    for one, other in zip(model(batch).values(), copy(batch).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    model.save(tmp_path / "diet.keras")
    loaded = keras.saving.load_model(tmp_path / "diet.keras")
    for one, other in zip(model(batch).values(), loaded(batch).values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_to_learn_is_refused(toy_sizes):
    with pytest.raises(ValueError, match="no intents"):
        DIET(toy_sizes(label_token_features=()), DIETOptions())
    with pytest.raises(ValueError, match="neither intents nor entities"):
        DIET(toy_sizes(num_tags={}), DIETOptions(intent_classification=False))


@pytest.mark.shows("diet.share_hidden_layers")
def test_shared_layers_need_equal_widths(toy_sizes):
    shared = {"share_hidden_layers": True, "hidden_layers_sizes": {"text": [7], "label": [7]}}
    with pytest.raises(ValueError, match="6 for text, 5 for label"):
        small(toy_sizes(), **shared)

import logging

import pytest

from model.diet.options import DIETOptions
from model.diet.sizes import DIETSizes


def test_defaults_are_rasas():
    options = DIETOptions()
    assert options.batch_size == [64, 256] and options.connection_density == 0.2
    assert options.dense_dimension == {"text": 128, "label": 20}
    assert options.model_similarity == "inner" and options.text_transformer_size == 256


@pytest.mark.shows("diet.hidden_layers_sizes")
def test_maps_are_merged_one_level_deep():
    options = DIETOptions.from_rasa(
        {"name": "DIETClassifier", "hidden_layers_sizes": {"text": [256, 128]}, "epochs": 5}
    )
    assert options.hidden_layers_sizes == {"text": [256, 128], "label": []}
    assert options.epochs == 5
    assert DIETOptions().hidden_layers_sizes["text"] == []


@pytest.mark.shows("renamed")
def test_retired_names_are_translated_with_a_notice(caplog):
    with caplog.at_level(logging.WARNING):
        options = DIETOptions.from_rasa(
            {"num_heads": 2, "weight_sparsity": 0.75, "hidden_layers_sizes_b": [7], "C2": 0.1}
        )
    assert options.number_of_attention_heads == 2 and options.connection_density == 0.25
    assert options.hidden_layers_sizes == {"text": [], "label": [7]}
    assert "`num_heads` is now called `number_of_attention_heads`" in caplog.text


@pytest.mark.parametrize("earlier", ["cosine", "inner", "linear_norm"])
def test_confidences_of_rasa_2_are_read_as_softmax(earlier, caplog):
    assert DIETOptions.from_rasa({"model_confidence": earlier}).model_confidence == "softmax"
    assert f'`model_confidence` "{earlier}" is gone' in caplog.text


@pytest.mark.parametrize(
    ("loss", "confidence", "softmax"),
    [
        ("cross_entropy", "softmax", True),
        ("cross_entropy", "auto", False),
        ("margin", "softmax", False),
        ("margin", "auto", False),
    ],
)
def test_confidences_are_a_softmax_or_the_similarities(loss, confidence, softmax):
    options = DIETOptions(loss_type=loss, model_confidence=confidence)
    assert options.confidences_are_softmax is softmax


def test_unknown_keys_have_no_effect_and_a_suggestion(caplog):
    assert DIETOptions.from_rasa({"embeding_dimension": 3}) == DIETOptions()
    assert "`embeding_dimension` is not an option" in caplog.text
    assert "Did you mean `embedding_dim" in caplog.text
    assert DIETOptions.from_rasa({"droprate_a": 0.1}) == DIETOptions()
    assert "`droprate_a` is not an option" in caplog.text


@pytest.mark.shows(
    "diet.number_of_attention_heads",
    "diet.similarity_type",
    "diet.batch_size",
    "diet.run_eagerly",
    "diet.model_confidence",
)
@pytest.mark.parametrize(
    "values, message",
    [
        ({"epochs": 0}, "`epochs` must be a whole number of at least 1. Received: 0"),
        ({"epochs": True}, "`epochs` must be"),
        ({"drop_rate": 1.0}, "`drop_rate` must be a number of at least 0 and below 1"),
        ({"connection_density": "thin"}, "`connection_density` must be a number"),
        ({"loss_type": "hinge"}, '`loss_type` must be "cross_entropy" or "margin"'),
        ({"batch_size": [64, 8]}, "`batch_size` must be.*growing"),
        ({"batch_size": 0}, "`batch_size` must be"),
        ({"scale_loss": "yes"}, "`scale_loss` must be true or false"),
        ({"hidden_layers_sizes": {"txt": []}}, "`hidden_layers_sizes` must be a map with the keys"),
        ({"dense_dimension": {"text": 0, "label": 20}}, "`dense_dimension` must be.*for text"),
        ({"random_seed": "x"}, "`random_seed` must be.*or empty"),
        ({"similarity_type": "cosine"}, "`similarity_type` must be.*cross_entropy"),
        ({"model_confidence": "cosine"}, '`model_confidence` must be "softmax"'),
        ({"number_of_attention_heads": 3}, "must divide 256"),
        ({"transformer_size": "big"}, "`transformer_size` must be a whole number"),
        ({"run_eagerly": True}, "`run_eagerly` is not supported"),
        ({"featurizers": "a"}, "`featurizers` must be a list of names"),
        ({"split_entities_by_comma": {"a": 1}}, "`split_entities_by_comma` must be true"),
        (
            {"number_of_transformer_layers": 0, "use_masked_language_model": True},
            "`number_of_transformer_layers` must be at least 1",
        ),
        (
            {
                "share_hidden_layers": True,
                "hidden_layers_sizes": {"text": [1], "label": [2]},
            },
            "must be the same for text and label",
        ),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        DIETOptions(**values)


@pytest.mark.shows("diet.transformer_size")
def test_transformer_size_per_attribute():
    assert DIETOptions(transformer_size={"text": 64, "label": None}).text_transformer_size == 64
    assert DIETOptions(transformer_size=None).text_transformer_size == 256


@pytest.mark.shows("diet.loss_type")
def test_margin_means_cosine():
    assert DIETOptions(loss_type="margin").model_similarity == "cosine"


@pytest.mark.parametrize(
    "values, message",
    [
        ({"num_tags": {"role": 3}}, "num_tags"),
        ({"num_tags": {"entity": 3, "colour": 2}}, "colour"),
        ({"label_token_features": ((((5, 1.0),),),), "label_width": 3}, "label_width=3"),
        (
            {"label_token_features": ((((0, 1.0),),),), "label_width": 3, "label_one_hot": True},
            "One-hot",
        ),
    ],
)
def test_sizes_must_fit_together(values, message):
    with pytest.raises(ValueError, match=message):
        DIETSizes(text_sequence_width=3, **values)


def test_sizes_survive_json(toy_sizes):
    sizes = toy_sizes()
    assert DIETSizes.from_json(sizes.to_json()) == sizes

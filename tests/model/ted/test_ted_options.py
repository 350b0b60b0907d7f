import logging

import pytest

from model.layers.feature_widths import FeatureWidths
from model.ted.labels import Labels
from model.ted.options import TEDOptions
from model.ted.sizes import TEDSizes


def test_defaults_are_rasas():
    options = TEDOptions()
    assert options.epochs == 1 and options.scale_loss and options.max_history is None
    assert options.regularization_constant == 0.001 and options.drop_rate_dialogue == 0.1
    assert options.dense_dimension["label_action_text"] == 128
    assert options.dense_dimension["label_action_name"] == 20
    assert options.transformer_size["dialogue"] == 128 and options.model_similarity == "inner"
    assert not options.full_dialogue


def test_maps_are_merged_with_the_defaults():
    options = TEDOptions.from_rasa({"name": "TEDPolicy", "transformer_size": {"dialogue": 64}})
    assert options.transformer_size["dialogue"] == 64 and options.transformer_size["text"] == 128


def test_retired_names_are_translated_with_a_notice(caplog):
    with caplog.at_level(logging.WARNING):
        options = TEDOptions.from_rasa({"droprate_a": 0.3, "mu_neg": -0.1})
    assert options.drop_rate_dialogue == 0.3 and options.maximum_negative_similarity == -0.1
    assert "TED: `droprate_a` is now called `drop_rate_dialogue`" in caplog.text


@pytest.mark.shows("ted.featurizer")
def test_the_featurizer_says_whether_examples_are_full_dialogues():
    full = [{"name": "FullDialogueTrackerFeaturizer"}]
    states = {"state_featurizer": [{"name": "SingleStateFeaturizer"}]}
    assert TEDOptions(featurizer=full).full_dialogue
    assert TEDOptions(featurizer=[{**full[0], **states}]).full_dialogue
    assert not TEDOptions(featurizer=[{"name": "MaxHistoryTrackerFeaturizer"}]).full_dialogue


@pytest.mark.shows(
    "ted.number_of_transformer_layers",
    "ted.number_of_attention_heads",
    "ted.use_gpu",
    "ted.model_confidence",
)
@pytest.mark.parametrize(
    "values, message",
    [
        ({"epochs": 0}, "TED: `epochs` must be a whole number of at least 1. Received: 0"),
        ({"max_history": 0}, "`max_history` must be a whole number of at least 1, or empty"),
        ({"transformer_size": 128}, "`transformer_size` must be a map with the keys text, action"),
        ({"number_of_attention_heads": 3}, "must divide 128 .transformer_size of text"),
        ({"use_gpu": False}, "`use_gpu` is not supported; hide the GPUs"),
        ({"similarity_type": "cosine"}, "`similarity_type` must be.*cross_entropy"),
        ({"featurizer": [{"name": "IntentMaxHistoryTrackerFeaturizer"}]}, "`featurizer` must be"),
        (
            {"featurizer": [{"name": "MaxHistoryTrackerFeaturizer", "max_history": 3}]},
            "`max_history` is an option of the policy itself",
        ),
        ({"e2e_confidence_threshold": "high"}, "`e2e_confidence_threshold` must be a number"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        TEDOptions(**values)


def test_unknown_keys_have_no_effect_and_a_suggestion(caplog):
    assert TEDOptions.from_rasa({"max_histroy": 3}) == TEDOptions()
    assert (
        "TED: `max_histroy` is not" in caplog.text and "Did you mean `max_history`" in caplog.text
    )


NAME = FeatureWidths(sentence=3)
OF_INTENTS = {f"intent_{what}": [0] for what in ("turns", "indices", "values")}


@pytest.mark.parametrize(
    "sizes, message",
    [
        ({"attributes": {"action_name": NAME}}, "neither intents nor texts"),
        ({"attributes": {"intent": NAME}}, "no actions"),
        ({"attributes": {"intent": NAME, "forms": NAME}}, "Received: \\['forms'\\]"),
        ({"attributes": {"text": NAME, "action_name": NAME}}, "`text` needs features of tokens"),
        (
            {
                "attributes": {"intent": NAME, "action_name": NAME},
                "labels": Labels("intent", 1, {"intent": NAME}, OF_INTENTS),
            },
            "`labels` may hold action_name, action_text",
        ),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        TEDSizes(**{"labels": Labels("action_name", 3), **sizes})


@pytest.mark.parametrize(
    "labels, message",
    [
        (("action_name", 0), "no action_name to choose. Received: 0"),
        (("action_name", 1, {"action_name": NAME}), "labels must be .*action_name_indices"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        Labels(*labels)

"""Every option of TED reaches the model, as DIET's do: changing it changes what it says.

What the change should be is a matter of the other tests (oracles, Rasa's numbers).
"""

import keras
import numpy as np
import pytest
from observed import observed
from ted_toys import FULL, Toy, toy_ted

from model.layers.feature_widths import FeatureWidths
from model.ted.labels import Labels
from model.ted.options import TEDOptions
from model.ted.sizes import TEDSizes
from model.ted.ted import TED

SMALL = {"drop_rate": 0.3, "drop_rate_dialogue": 0.3, "scale_loss": False}
RELATIVE = {"use_key_relative_attention": True}
MARGIN = {"loss_type": "margin"}
# Option, its other value, and what else must be so for it to have a meaning.
CHANGES = [
    ("hidden_layers_sizes", {"text": [6]}, {}),
    ("dense_dimension", {"intent": 7}, {}),
    ("encoding_dimension", 7, {}),
    ("transformer_size", {"text": 8, "dialogue": 8}, {}),
    ("number_of_transformer_layers", {"text": 1, "dialogue": 2}, {}),
    ("number_of_attention_heads", 4, {}),
    ("use_key_relative_attention", True, {}),
    ("use_value_relative_attention", True, {}),
    ("max_relative_position", 1, RELATIVE),
    ("unidirectional_encoder", True, {}),
    ("embedding_dimension", 5, {}),
    ("connection_density", 0.3, {}),
    ("entity_recognition", False, {}),
    ("use_masked_language_model", True, {}),
    ("number_of_negative_examples", 2, {}),
    ("similarity_type", "inner", MARGIN),
    ("loss_type", "margin", {}),
    ("constrain_similarities", True, {}),
    ("scale_loss", True, {"embedding_dimension": 2, "number_of_negative_examples": 1}),
    ("maximum_positive_similarity", 0.5, MARGIN),
    ("maximum_negative_similarity", 0.3, MARGIN),
    ("use_maximum_negative_similarity", False, {**MARGIN, "maximum_negative_similarity": 0.9}),
    ("negative_margin_scale", 0.1, MARGIN),
    ("regularization_constant", 0.1, {}),
    ("drop_rate", 0.6, {}),
    ("drop_rate_dialogue", 0.6, {}),
    ("drop_rate_attention", 0.5, {}),
    ("use_sparse_input_dropout", False, {}),
    ("use_dense_input_dropout", False, {}),
    ("featurizer", FULL["featurizer"], {}),
]
NOT_LOOKED_AT = [("drop_rate_label", 0.5), ("priority", 3)]
SHOWN = [
    pytest.param(*change, id=change[0], marks=pytest.mark.shows(f"ted.{change[0]}"))
    for change in CHANGES
]


@pytest.fixture(scope="module")
def seen():
    """What was observed, by options: many changes start from the same."""
    return {}


@pytest.fixture
def observe(seen):
    """`observe(options)`: what is `observed` of a model with these options."""
    toy = Toy("a ia ta tas", "ta tas ia", "ia as ts tae", "ta", "ias a tae")

    def look(options):
        key = repr(sorted(options.items()))
        if key not in seen:
            keras.utils.set_random_seed(3)
            model = toy_ted(**{**SMALL, **options})
            seen[key] = observed(model, toy.batch(model))
        return seen[key]

    return look


@pytest.mark.parametrize("option, value, others", SHOWN)
def test_a_changed_option_changes_the_model_or_its_losses(observe, option, value, others):
    before, after = observe(others), observe({**others, option: value})
    assert all(np.isfinite(loss) for loss in after[1].values())
    assert before != after


@pytest.mark.shows("ted.concat_dimension")
def test_features_of_a_text_that_differ_in_width_meet_at_the_concat_dimension():
    text = FeatureWidths(sequence=7, sentence=6, sequence_dense=3)
    attributes = {"text": text, "action_name": FeatureWidths(sentence=4)}
    sizes = TEDSizes(attributes=attributes, labels=Labels("action_name", 4))
    model = TED(sizes, TEDOptions.from_rasa({"concat_dimension": {"text": 9}}))
    model.build()
    assert model.encoders[0].text.input_width == 9


@pytest.mark.shows("ted.drop_rate_label", "ted.priority")
@pytest.mark.parametrize("option, value", NOT_LOOKED_AT)
def test_an_option_that_rasa_does_not_look_at_changes_nothing(observe, option, value):
    assert observe({}) == observe({option: value})

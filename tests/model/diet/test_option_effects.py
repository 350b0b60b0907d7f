"""Every option of architecture, loss and noise reaches the model: changing it changes what it says.

What the change should be is a matter of the other tests (oracles, Rasa's numbers).
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from observed import observed

from model.diet.diet import DIET
from model.diet.options import DIETOptions

SMALL = {
    "transformer_size": 8,
    "number_of_attention_heads": 2,
    "number_of_transformer_layers": 1,
    "dense_dimension": {"text": 6, "label": 6},
    "concat_dimension": {"text": 6, "label": 6},
    "embedding_dimension": 4,
    "number_of_negative_examples": 5,
    "drop_rate": 0.3,
    "connection_density": 1.0,
}
RELATIVE = {"use_key_relative_attention": True}
MARGIN = {"loss_type": "margin"}
HIDDEN = {"hidden_layers_sizes": {"text": [6], "label": [6]}}
# Option, its other value, and what else must be so for it to have a meaning.
CHANGES = [
    ("hidden_layers_sizes", {"text": [7], "label": []}, {}),
    ("share_hidden_layers", True, HIDDEN),
    ("transformer_size", 12, {}),
    ("number_of_transformer_layers", 2, {}),
    ("number_of_attention_heads", 4, {}),
    ("use_key_relative_attention", True, {}),
    ("use_value_relative_attention", True, {}),
    ("max_relative_position", 2, RELATIVE),
    ("unidirectional_encoder", True, {}),
    ("embedding_dimension", 5, {}),
    ("dense_dimension", {"text": 7, "label": 6}, {}),
    ("concat_dimension", {"text": 7, "label": 6}, {}),  # the dense features below make it needed
    ("connection_density", 0.3, {}),
    ("intent_classification", False, {}),
    ("entity_recognition", False, {}),
    ("use_masked_language_model", True, {}),
    ("number_of_negative_examples", 2, {}),
    ("similarity_type", "inner", MARGIN),
    ("loss_type", "margin", {}),
    ("constrain_similarities", True, {}),
    ("scale_loss", True, {"number_of_negative_examples": 1}),
    ("maximum_positive_similarity", 0.5, MARGIN),
    ("maximum_negative_similarity", 0.3, MARGIN),
    ("use_maximum_negative_similarity", False, MARGIN),
    ("negative_margin_scale", 0.1, MARGIN),
    ("regularization_constant", 0.1, {}),
    ("drop_rate", 0.6, {}),
    ("drop_rate_attention", 0.5, {}),
    ("use_sparse_input_dropout", False, {}),
    ("use_dense_input_dropout", False, {}),
]
SHOWN = [
    pytest.param(*change, id=change[0], marks=pytest.mark.shows(f"diet.{change[0]}"))
    for change in CHANGES
]


@pytest.fixture(scope="module")
def seen():
    """What was observed, by options: many changes start from the same."""
    return {}


@pytest.fixture
def observe(toy_sizes, toy_batch, seen):
    """`observe(options)`: what is `observed` of a model with these options."""
    sizes = toy_sizes(text_sequence_dense_width=3)
    batch = toy_batch([5, 3, 1, 4, 2, 5, 4, 3])
    batch["text_sequence_dense"] = tf.reshape(tf.range(120.0) / 120, [8, 5, 3])

    def look(options):
        key = repr(sorted(options.items()))
        if key not in seen:
            keras.utils.set_random_seed(3)
            model = DIET(sizes, DIETOptions(**{**SMALL, **options}))
            model.build()
            seen[key] = observed(model, batch)
        return seen[key]

    return look


@pytest.mark.parametrize("option, value, others", SHOWN)
def test_a_changed_option_changes_the_model_or_its_losses(observe, option, value, others):
    before, after = observe(others), observe({**others, option: value})
    assert all(np.isfinite(loss) for loss in after[1].values())
    assert before != after


def test_what_is_observed_is_a_matter_of_the_options_alone(observe, seen):
    first = observe({})
    seen.clear()
    assert observe({}) == first

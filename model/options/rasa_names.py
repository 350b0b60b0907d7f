"""How a component of a Rasa configuration becomes keyword arguments: merged and translated."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from typing import Any

logger = logging.getLogger(__name__)

# Names of Rasa 1.x and 2.x. A dot leads into a map.
RETIRED = {
    "hidden_layers_sizes_a": "hidden_layers_sizes.text",
    "hidden_layers_sizes_b": "hidden_layers_sizes.label",
    "num_transformer_layers": "number_of_transformer_layers",
    "num_heads": "number_of_attention_heads",
    "dense_dim": "dense_dimension",
    "embed_dim": "embedding_dimension",
    "num_neg": "number_of_negative_examples",
    "mu_pos": "maximum_positive_similarity",
    "mu_neg": "maximum_negative_similarity",
    "use_max_sim_neg": "use_maximum_negative_similarity",
    "C2": "regularization_constant",
    "C_emb": "negative_margin_scale",
    "droprate": "drop_rate",
    "droprate_a": "drop_rate_dialogue",
    "droprate_b": "drop_rate_label",
    "evaluate_every_num_epochs": "evaluate_every_number_of_epochs",
    "evaluate_on_num_examples": "evaluate_on_number_of_examples",
    "weight_sparsity": "connection_density",
}


def merged_with_defaults(
    model: str, component: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """`defaults`, overridden by what a `component` of a Rasa configuration says.

    Maps are merged one level deep. `name`, which says what component it is, is left out. What is
    not among `defaults`, nor a retired name of one, has no effect: a warning, as Rasa ignores it.

    Args:
        model: What messages call the component.
    """
    merged = dict(defaults)
    for key, value in component.items():
        if key == "name":
            continue
        name, value = _translated(model, str(key), value, defaults)
        if name not in defaults:
            logger.warning(
                "%s: `%s` is not an option and has no effect.%s",
                *(model, key, _resembling(name, defaults)),
            )
            continue
        both_maps = isinstance(merged[name], Mapping) and isinstance(value, Mapping)
        merged[name] = {**merged[name], **value} if both_maps else value
    return merged


def _translated(model: str, key: str, value: Any, defaults: Mapping) -> tuple[str, Any]:
    if key == "loss_type" and value == "softmax":
        logger.warning('%s: `loss_type` "softmax" is now called "cross_entropy".', model)
        return key, "cross_entropy"
    if key == "model_confidence" and value in ("cosine", "inner", "linear_norm"):
        logger.warning('%s: `model_confidence` "%s" is gone; "softmax" is used.', model, value)
        return key, "softmax"
    name, _, inner = RETIRED.get(key, key).partition(".")
    if key in defaults or name not in defaults:
        return key, value
    logger.warning("%s: `%s` is now called `%s`.", model, key, RETIRED[key])
    if key == "weight_sparsity" and isinstance(value, int | float):
        value = 1 - value
    return name, {inner: value} if inner else value


def _resembling(key: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, known, n=3)
    return f" Did you mean {' or '.join(f'`{name}`' for name in close)}?" if close else ""

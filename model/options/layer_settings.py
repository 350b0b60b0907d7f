"""What a model's options say about its layers, as the arguments of these."""

from __future__ import annotations

from typing import Any

from model.options.shared import SharedOptions


def loss_settings(options: SharedOptions, *, scale_loss: bool) -> dict[str, Any]:
    """The arguments of `DotProductLoss`; `scale_loss` is not always what the options say."""
    return {
        "num_negatives": options.number_of_negative_examples,
        "loss_type": options.loss_type,
        "similarity_type": options.model_similarity,
        "constrain_similarities": options.constrain_similarities,
        "scale_loss": scale_loss,
        "max_positive": options.maximum_positive_similarity,
        "max_negative": options.maximum_negative_similarity,
        "use_max_negative": options.use_maximum_negative_similarity,
        "negative_margin_scale": options.negative_margin_scale,
    }

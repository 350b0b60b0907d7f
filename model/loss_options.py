"""The dot-product loss that options of DIET or TED describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.similarity import DotProductLoss

if TYPE_CHECKING:
    from model.options import DIETOptions
    from model.ted_options import TEDOptions


def dot_product_loss(
    options: DIETOptions | TEDOptions, scale_loss: bool, name: str
) -> DotProductLoss:
    """The loss of that name; `scale_loss` is not always what the options say."""
    return DotProductLoss(
        num_negatives=options.number_of_negative_examples,
        loss_type=options.loss_type,
        similarity_type=options.model_similarity,
        constrain_similarities=options.constrain_similarities,
        scale_loss=scale_loss,
        max_positive=options.maximum_positive_similarity,
        max_negative=options.maximum_negative_similarity,
        use_max_negative=options.use_maximum_negative_similarity,
        negative_margin_scale=options.negative_margin_scale,
        name=name,
    )

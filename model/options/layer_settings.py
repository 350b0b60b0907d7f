"""What a model's options say about its layers, as the settings of these."""

from __future__ import annotations

from typing import Any

from model.encoders.text_settings import TextSettings
from model.encoders.transformer_settings import TransformerSettings
from model.layers.feature_widths import FeatureWidths
from model.options.shared import SharedOptions


def text_settings(
    options: SharedOptions,
    attribute: str,
    widths: FeatureWidths,
    *,
    transformer_size: int,
    number_of_transformer_layers: int,
) -> TextSettings:
    """How the texts of `attribute` are encoded.

    Size and number of layers are given, since not all models hold them by attribute. Who does
    something otherwise than the options say takes `dataclasses.replace`.
    """
    return TextSettings(
        widths=widths,
        hidden_layers_sizes=options.hidden_layers_sizes[attribute],
        dense_dimension=options.dense_dimension[attribute],
        concat_dimension=options.concat_dimension[attribute],
        connection_density=options.connection_density,
        regularization_constant=options.regularization_constant,
        drop_rate=options.drop_rate,
        use_sparse_input_dropout=options.use_sparse_input_dropout,
        use_dense_input_dropout=options.use_dense_input_dropout,
        use_masked_language_model=options.use_masked_language_model,
        transformer=transformer_settings(
            options,
            units=transformer_size,
            num_layers=number_of_transformer_layers,
            drop_rate=options.drop_rate,
            unidirectional=options.unidirectional_encoder,
        ),
    )


def transformer_settings(
    options: SharedOptions, *, units: int, num_layers: int, drop_rate: float, unidirectional: bool
) -> TransformerSettings:
    """A transformer; what is given is not the same for those of texts and of dialogues."""
    return TransformerSettings(
        units=units,
        num_layers=num_layers,
        num_heads=options.number_of_attention_heads,
        drop_rate=drop_rate,
        drop_rate_attention=options.drop_rate_attention,
        density=options.connection_density,
        regularization=options.regularization_constant,
        unidirectional=unidirectional,
        relative_keys=options.use_key_relative_attention,
        relative_values=options.use_value_relative_attention,
        max_relative_position=options.max_relative_position,
    )


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

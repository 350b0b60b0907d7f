"""TED's encoders as its options say: of attributes in turns and in labels, and of dialogues."""

from __future__ import annotations

import dataclasses
from typing import Any

from model.encoders.text_settings import TextSettings
from model.layers.feature_widths import FeatureWidths
from model.options.layer_settings import text_settings, transformer_settings
from model.ted.batch import TEXT_ATTRIBUTES
from model.ted.dialogue_encoder import DialogueEncoder
from model.ted.options import TEDOptions
from model.ted.turn_encoders import RowEncoder, TextTurnEncoder

ENCODED = ("intent", "text", "action_name", "action_text")


def turn_encoder(
    attribute: str, widths: FeatureWidths, options: TEDOptions, accumulate_steps: int, dtype: Any
) -> RowEncoder | TextTurnEncoder:
    """The built encoder of an attribute of turns."""
    if attribute in TEXT_ATTRIBUTES:
        settings = _text_settings(attribute, widths, options)
        if attribute != "text":
            settings = dataclasses.replace(settings, use_masked_language_model=False)
        return _text_encoder(
            attribute, attribute, settings, options, dtype, accumulate_steps=accumulate_steps
        )
    drop = options.drop_rate
    dropout = {
        "sparse_drop_rate": drop if options.use_sparse_input_dropout else 0.0,
        "dense_drop_rate": drop if options.use_dense_input_dropout else 0.0,
    }
    return _row_encoder(attribute, attribute, widths, options, dtype, **dropout)


def label_encoder(
    attribute: str, widths: FeatureWidths, options: TEDOptions, dtype: Any
) -> RowEncoder | TextTurnEncoder:
    """The built encoder of an attribute of labels: their features know no dropout."""
    name = f"label_{attribute}"
    if attribute in TEXT_ATTRIBUTES:
        settings = dataclasses.replace(
            _text_settings(name, widths, options),
            use_masked_language_model=False,
            use_sparse_input_dropout=False,
            use_dense_input_dropout=False,
        )
        return _text_encoder(name, attribute, settings, options, dtype)
    return _row_encoder(name, attribute, widths, options, dtype)


def _text_settings(name: str, widths: FeatureWidths, options: TEDOptions) -> TextSettings:
    return text_settings(
        options,
        name,
        widths,
        transformer_size=options.transformer_size[name],
        number_of_transformer_layers=options.number_of_transformer_layers[name],
    )


def _text_encoder(
    name: str,
    attribute: str,
    settings: TextSettings,
    options: TEDOptions,
    dtype: Any,
    accumulate_steps: int = 1,
) -> TextTurnEncoder:
    layer = TextTurnEncoder(
        attribute,
        settings,
        encoding_dimension=options.encoding_dimension,
        encoding=_encoding(options),
        accumulate_steps=accumulate_steps,
        dtype=dtype,
        name=name,
    )
    layer.build()
    return layer


def _row_encoder(
    name: str,
    attribute: str,
    widths: FeatureWidths,
    options: TEDOptions,
    dtype: Any,
    **dropout: float,
) -> RowEncoder:
    layer = RowEncoder(
        attribute,
        width=widths.sentence,
        dense_width=widths.sentence_dense,
        dense_dimension=options.dense_dimension[name],
        encoding_dimension=options.encoding_dimension if attribute in ENCODED else None,
        encoding=_encoding(options),
        regularization=options.regularization_constant,
        dtype=dtype,
        name=name,
        **dropout,
    )
    layer.build()
    return layer


def _encoding(options: TEDOptions) -> dict:
    return {
        # Of labels, too: Rasa has an option for their dropout that it does not look at.
        "drop_rate": options.drop_rate_dialogue,
        "density": options.connection_density,
        "regularization": options.regularization_constant,
    }


def dialogue_encoder(options: TEDOptions, accumulate_steps: int, dtype: Any) -> DialogueEncoder:
    """The encoder of dialogues, not built."""
    settings = transformer_settings(
        options,
        units=options.transformer_size["dialogue"],
        num_layers=options.number_of_transformer_layers["dialogue"],
        drop_rate=options.drop_rate_dialogue,
        unidirectional=options.full_dialogue,
    )
    return DialogueEncoder(
        settings, accumulate_steps=accumulate_steps, dtype=dtype, name="dialogue"
    )

"""What a text encoder must know: the part of a model's options that is about one kind of text."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from model.encoders.transformer_settings import TransformerSettings
from model.layers.feature_widths import FeatureWidths


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings:
    """Rasa's options for one attribute, and the widths of its features.

    The names are those of the options; what they hold per attribute is one value here.
    """

    widths: FeatureWidths
    hidden_layers_sizes: list[int]
    dense_dimension: int
    concat_dimension: int
    connection_density: float
    regularization_constant: float
    drop_rate: float
    use_sparse_input_dropout: bool
    use_dense_input_dropout: bool
    use_masked_language_model: bool
    transformer: TransformerSettings

    def to_json(self) -> dict[str, Any]:
        """Plain maps, lists and numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, given: TextSettings | Mapping[str, Any]) -> TextSettings:
        """`given`, or the settings whose `to_json` it is."""
        if isinstance(given, TextSettings):
            return given
        parts = {
            "widths": FeatureWidths(**given["widths"]),
            "transformer": TransformerSettings(**given["transformer"]),
        }
        return cls(**{**given, **parts})

"""What a text encoder must know: the part of a model's options that is about one kind of text."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

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
    transformer_size: int
    number_of_transformer_layers: int
    number_of_attention_heads: int
    use_key_relative_attention: bool
    use_value_relative_attention: bool
    max_relative_position: int
    unidirectional_encoder: bool
    connection_density: float
    regularization_constant: float
    drop_rate: float
    drop_rate_attention: float
    use_sparse_input_dropout: bool
    use_dense_input_dropout: bool
    use_masked_language_model: bool

    @classmethod
    def of_attribute(
        cls, attribute: str, widths: FeatureWidths, options: Any, **changes: Any
    ) -> TextSettings:
        """What `options` (of DIET or TED) say about `attribute`, but for `changes`."""
        values = {}
        for field in dataclasses.fields(cls):
            if field.name != "widths" and field.name not in changes:
                value = getattr(options, field.name)
                values[field.name] = value[attribute] if isinstance(value, Mapping) else value
        return cls(widths=widths, **values, **changes)

    def to_json(self) -> dict[str, Any]:
        """Plain maps, lists and numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> TextSettings:
        """The inverse of `to_json`."""
        return cls(**{**plain, "widths": FeatureWidths(**plain["widths"])})

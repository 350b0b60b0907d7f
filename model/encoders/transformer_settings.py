"""What a transformer encoder must know, stated once for all of its layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransformerSettings:
    """The shape of a transformer encoder, and what is dropped in it.

    Attributes:
        units: Width of the rows, and of keys, queries and values; a multiple of `num_heads`.
        num_heads: Attention heads per layer.
        num_layers: Layers; who has no use for an encoder of 0 builds none.
        drop_rate: Dropout behind the position encodings, on both branches of a layer, and inside
            its position-wise network.
        drop_rate_attention: Probability with which a key is hidden from a query.
        density: Connection density of all kernels.
        regularization: L2 constant of the input projection, the only kernel that has one.
        unidirectional: Whether positions see no later ones.
        relative_keys, relative_values: Whether attention knows how far keys and values are off.
        max_relative_position: The greatest distance that is told apart.
    """

    units: int
    num_heads: int
    num_layers: int = 1
    drop_rate: float = 0.0
    drop_rate_attention: float = 0.0
    density: float = 1.0
    regularization: float = 0.0
    unidirectional: bool = False
    relative_keys: bool = False
    relative_values: bool = False
    max_relative_position: int = 5

    @classmethod
    def of(cls, given: TransformerSettings | Mapping[str, Any]) -> TransformerSettings:
        """`given`, or the settings whose `dataclasses.asdict` it is."""
        return given if isinstance(given, TransformerSettings) else cls(**given)

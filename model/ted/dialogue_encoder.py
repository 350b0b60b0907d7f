"""How the turns of a dialogue become one vector: of the current turn, or of every turn."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from model.encoders.transformer import TransformerEncoder
from model.encoders.transformer_settings import TransformerSettings
from model.layers.dense import gelu
from model.layers.packing import Packing
from model.layers.recompute_in_parts import encode_in_parts
from model.noise import Noise


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class DialogueEncoder(keras.layers.Layer):
    """The dialogue transformer of TED (arXiv:1910.00486), Rasa's `TED._embed_dialogue`.

    With examples of one action each, dialogues are turned round, so that the current turn always
    has position 0; every turn sees every other one, and only the vector of the current turn comes
    out. In full dialogues no turn sees later ones, and the vectors of all turns come out.

    Args:
        settings: Of the transformer, their `asdict` form will do; without layers there is none,
            only the last gelu. A unidirectional one is for full dialogues.
        accumulate_steps: As of `TextEncoder`, of dialogues.

    Call: `[turns, inputs]` and their `Packing` -> `[batch, units]`, or `[turns, units]`.
    """

    def __init__(
        self, settings: TransformerSettings | dict, *, accumulate_steps: int = 1, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.settings = TransformerSettings.of(settings)
        self.accumulate_steps = accumulate_steps

    @property
    def full_dialogue(self) -> bool:
        """Whether the vectors of all turns come out."""
        return self.settings.unidirectional

    def build(self, input_shape: Sequence[Any]) -> None:
        self.transformer: TransformerEncoder | None = None
        if self.settings.num_layers:
            self.transformer = TransformerEncoder(
                self.settings, dtype=self.dtype_policy, name="transformer"
            )
            self.transformer.build(input_shape)

    def output_width(self, input_width: int) -> int:
        """The last dimension of the output, given that of the input."""
        return self.settings.units if self.settings.num_layers else input_width

    def call(self, rows: tf.Tensor, packing: Packing, noise: Noise | None = None) -> tf.Tensor:
        if not self.full_dialogue:
            example, position = tf.unstack(tf.cast(packing.cells, tf.int32), axis=1)
            last = tf.gather(packing.starts + packing.lengths - 1, example)
            rows = tf.gather(rows, last - position)
        if self.transformer is not None:
            rows = self._transformed(self.transformer, rows, packing, noise)
        elif not self.full_dialogue:
            rows = tf.gather(rows, packing.starts)
        return gelu(rows)

    def _transformed(
        self,
        transformer: TransformerEncoder,
        rows: tf.Tensor,
        packing: Packing,
        noise: Noise | None,
    ) -> tf.Tensor:
        current_only = not self.full_dialogue
        if noise is None or self.accumulate_steps == 1:
            return transformer(rows, packing, noise=noise, first_only=current_only)

        def encode(rows: tf.Tensor, packing: Packing, part: int) -> tf.Tensor:
            noise_of_part = noise.within(f"part_{part}")
            return transformer(rows, packing, noise=noise_of_part, first_only=current_only)

        return encode_in_parts(encode, rows, packing, self.accumulate_steps)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "settings": dataclasses.asdict(self.settings),
            "accumulate_steps": self.accumulate_steps,
        }

"""How the turns of a dialogue become one vector: of the current turn, or of every turn."""

from __future__ import annotations

import keras
import tensorflow as tf

from model.layers.dense import gelu
from model.layers.packing import Packing
from model.layers.recompute_in_parts import encode_in_parts
from model.layers.transformer import TransformerEncoder
from model.noise import Noise


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class DialogueEncoder(keras.layers.Layer):
    """The dialogue transformer of TED (arXiv:1910.00486), Rasa's `TED._embed_dialogue`.

    With examples of one action each, dialogues are turned round, so that the current turn always
    has position 0; every turn sees every other one, and only the vector of the current turn comes
    out. In full dialogues no turn sees later ones, and the vectors of all turns come out.

    Args:
        units: Width of the encoder.
        num_layers: 0 = there is no encoder, only the last gelu.
        full_dialogue: See above.
        encoder: Further arguments of `TransformerEncoder`.
        accumulate_steps: As of `TextEncoder`, of dialogues.

    Call: `[turns, inputs]` and their `Packing` -> `[batch, units]`, or `[turns, units]`.
    """

    def __init__(
        self,
        units: int,
        *,
        num_layers: int,
        full_dialogue: bool,
        encoder: dict,
        accumulate_steps: int = 1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.num_layers = num_layers
        self.full_dialogue = full_dialogue
        self.encoder_settings = encoder
        self.accumulate_steps = accumulate_steps

    def build(self, input_shape) -> None:
        self.transformer = None
        if self.num_layers:
            self.transformer = TransformerEncoder(
                self.units,
                num_layers=self.num_layers,
                unidirectional=self.full_dialogue,
                **self.encoder_settings,
                dtype=self.dtype_policy,
                name="transformer",
            )
            self.transformer.build(input_shape)

    def output_width(self, input_width: int) -> int:
        """The last dimension of the output, given that of the input."""
        return self.units if self.num_layers else input_width

    def call(self, rows: tf.Tensor, packing: Packing, noise: Noise | None = None) -> tf.Tensor:
        if not self.full_dialogue:
            example, position = tf.unstack(tf.cast(packing.cells, tf.int32), axis=1)
            last = tf.gather(packing.starts + packing.lengths - 1, example)
            rows = tf.gather(rows, last - position)
        if self.transformer is not None:
            rows = self._transformed(rows, packing, noise)
        elif not self.full_dialogue:
            rows = tf.gather(rows, packing.starts)
        return gelu(rows)

    def _transformed(self, rows: tf.Tensor, packing: Packing, noise: Noise | None) -> tf.Tensor:
        current_only = not self.full_dialogue
        if noise is None or self.accumulate_steps == 1:
            return self.transformer(rows, packing, noise=noise, first_only=current_only)

        def encode(rows: tf.Tensor, packing: Packing, part: int) -> tf.Tensor:
            noise_of_part = noise.within(f"part_{part}")
            return self.transformer(rows, packing, noise=noise_of_part, first_only=current_only)

        return encode_in_parts(encode, rows, packing, self.accumulate_steps)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "num_layers": self.num_layers,
            "full_dialogue": self.full_dialogue,
            "encoder": self.encoder_settings,
            "accumulate_steps": self.accumulate_steps,
        }

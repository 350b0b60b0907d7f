"""How a text becomes one vector per token and one for the whole."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from model.batch import Batch
from model.encoders.text_settings import TextSettings
from model.encoders.transformer import TransformerEncoder
from model.layers.dense import Ffnn, gelu
from model.layers.feature_combining import FeatureCombining, Places
from model.layers.input_mask import InputMask
from model.layers.packing import Packing
from model.layers.recompute_in_parts import encode_in_parts
from model.noise import Noise
from model.replicas import ONE_REPLICA, Replicas


class EncodedText(NamedTuple):
    """A batch of texts after the encoder, on packed rows.

    Attributes:
        rows: `[packed, units]`, in context.
        sentences: `[batch, units]`, the rows that stand for whole texts.
        unmasked: `[packed, width]`, what went into the encoder before tokens were hidden.
        chosen: `[global batch, time]` bool, the tokens to be guessed; None if there are none.
        places: Where texts, tokens and sentences lie.
    """

    rows: tf.Tensor
    sentences: tf.Tensor
    unmasked: tf.Tensor
    chosen: tf.Tensor | None
    places: Places


def text_features(settings: TextSettings, prefix: str, dtype: Any) -> FeatureCombining:
    """The layer that combines the features of texts."""
    widths, drop = settings.widths, settings.drop_rate
    return FeatureCombining(
        sequence_width=widths.sequence,
        sentence_width=widths.sentence,
        sequence_dense_width=widths.sequence_dense,
        sentence_dense_width=widths.sentence_dense,
        dense_dimension=settings.dense_dimension,
        concat_dimension=settings.concat_dimension,
        sparse_drop_rate=drop if settings.use_sparse_input_dropout else 0.0,
        dense_drop_rate=drop if settings.use_dense_input_dropout else 0.0,
        drop_rate=drop,
        density=settings.connection_density,
        regularization=settings.regularization_constant,
        prefix=prefix,
        dtype=dtype,
        name="features",
    )


def hidden_layers(sizes: list[int], settings: TextSettings, dtype: Any, name: str) -> Ffnn:
    """Hidden layers of the given widths."""
    return Ffnn(
        sizes,
        drop_rate=settings.drop_rate,
        density=settings.connection_density,
        regularization=settings.regularization_constant,
        dtype=dtype,
        name=name,
    )


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class TextEncoder(keras.layers.Layer):
    """Features, hidden layers, input mask, transformer and gelu: Rasa's `RasaSequenceLayer`.

    Args:
        settings: What kind of text; their `to_json` form will do.
        accumulate_steps: In training the transformer, which holds most of a step's activations,
            takes the texts in so many parts (`encode_in_parts`); the result is the same.
        prefix: What the names of the texts' tensors begin with.

    Call: a batch with the text tensors of `model.batch` -> `EncodedText`. Tokens are hidden only
    with noise and a masked language model.
    """

    def __init__(
        self,
        settings: TextSettings | dict,
        *,
        accumulate_steps: int = 1,
        prefix: str = "text",
        **kwargs: Any,
    ):
        super().__init__(**{**kwargs, "autocast": False})
        self.settings = TextSettings.of(settings)
        self.accumulate_steps = accumulate_steps
        self.prefix = prefix

    def build(self, input_shape: object = None) -> None:
        settings, dtype = self.settings, self.dtype_policy
        self.features = text_features(settings, self.prefix, dtype)
        self.features.build()
        self.hidden = hidden_layers(settings.hidden_layers_sizes, settings, dtype, "hidden")
        self.hidden.build((None, self.features.output_width))
        width = self.hidden.output_width(self.features.output_width)
        self.input_mask: InputMask | None = None
        self.transformer: TransformerEncoder | None = None
        if settings.use_masked_language_model:
            self.input_mask = InputMask(dtype=dtype, name="input_mask")
            self.input_mask.build((None, width))
        if settings.transformer.num_layers:
            self.transformer = TransformerEncoder(
                settings.transformer, dtype=dtype, name="transformer"
            )
            self.transformer.build((None, width))

    @property
    def input_width(self) -> int:
        """The width in front of the transformer, once the layer is built."""
        return self.hidden.output_width(self.features.output_width)

    @property
    def output_width(self) -> int:
        """The width of the encoded rows, once the layer is built."""
        return self.settings.transformer.units if self.transformer else self.input_width

    def call(
        self, batch: Batch, noise: Noise | None = None, replicas: Replicas = ONE_REPLICA
    ) -> EncodedText:
        token_mask = batch[f"{self.prefix}_mask"]
        places = Places.of_mask(token_mask, self.features.has_sentence)
        unmasked = self.hidden(self.features(batch, places, noise=noise), noise=noise)
        rows, chosen = unmasked, None
        if self.input_mask is not None and noise is not None:
            rows, chosen = self.input_mask(rows, places, token_mask, noise=noise, replicas=replicas)
        if self.transformer is not None:
            # The second gelu (Rasa has it behind the encoder) follows the encoder's last norm.
            rows = gelu(self._transformed(self.transformer, rows, places.packing, noise))
        return EncodedText(rows, tf.gather(rows, places.sentence_rows), unmasked, chosen, places)

    def _transformed(
        self,
        transformer: TransformerEncoder,
        rows: tf.Tensor,
        packing: Packing,
        noise: Noise | None,
    ) -> tf.Tensor:
        if noise is None or self.accumulate_steps == 1:
            return transformer(rows, packing, noise=noise)

        def encode(rows: tf.Tensor, packing: Packing, part: int) -> tf.Tensor:
            return transformer(rows, packing, noise=noise.within(f"part_{part}"))

        return encode_in_parts(encode, rows, packing, self.accumulate_steps)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "settings": self.settings.to_json(),
            "accumulate_steps": self.accumulate_steps,
            "prefix": self.prefix,
        }

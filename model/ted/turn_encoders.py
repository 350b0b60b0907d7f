"""What turns have of one attribute, as one row per turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from model.batch import Batch
from model.encoders.text_encoder import EncodedText, TextEncoder
from model.encoders.text_settings import TextSettings
from model.layers.dense import Ffnn
from model.layers.sparse import DenseForSparse
from model.noise import Noise
from model.replicas import ONE_REPLICA, Replicas


class EncodedTurns(NamedTuple):
    """One attribute of all turns.

    Attributes:
        rows: `[turns, units]`, exact zeros for turns that do not have the attribute.
        text: The encoded texts of those that do, and one empty text behind them; None if the
            attribute is no text.
    """

    rows: tf.Tensor
    text: EncodedText | None


def encoding_layer(units: int, settings: dict, dtype: Any) -> Ffnn:
    """The layer (Rasa's `encoding_layer`) behind the features of users' and actions' turns."""
    return Ffnn([units], **settings, dtype=dtype, name="encoding")


def spread(rows: tf.Tensor, turns: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Lay `rows` out as `[count, units]`, zeros but for `turns`; surplus rows are left out."""
    rows = rows[: tf.shape(turns)[0]]
    shape = tf.stack([tf.cast(count, tf.int64), rows.shape[-1]])
    return tf.ensure_shape(tf.scatter_nd(turns[:, None], rows, shape), [None, rows.shape[-1]])


def turn_vectors(encoded: Mapping[str, EncodedTurns], state_attributes: Sequence[str]) -> tf.Tensor:
    """One row per turn, `[turns, units]`: what the user did, what the bot did, and the state.

    An intent and a text, or an action's name and its text, are never of the same turn.
    """
    users, actions = ("intent", "text"), ("action_name", "action_text")
    groups = [users, actions, *[(name,) for name in state_attributes]]
    sums = [tf.add_n([encoded[a].rows for a in of if a in encoded]) for of in groups]
    return tf.concat(sums, -1)


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class RowEncoder(keras.layers.Layer):
    """Encodes an attribute that has one row of features: a name, entities, slots, an active loop.

    Mirrors `TED._encode_real_features_per_attribute` of Rasa for attributes that are no texts.

    Args:
        attribute: Which one: the beginning of its keys in a batch.
        width, dense_width: Of its sparse and dense features; 0 = there are none.
        dense_dimension: Width that sparse features are projected to. Dense ones stay as they are.
        encoding_dimension: Width of the layer behind that; None = there is none.
        encoding: Arguments of that layer, see `Ffnn`.
        sparse_drop_rate, dense_drop_rate, regularization: See `DenseForSparse`.

    Call: a batch (`model.ted.batch`) and its number of turns -> `EncodedTurns`.
    """

    def __init__(
        self,
        attribute: str,
        *,
        width: int,
        dense_width: int,
        dense_dimension: int,
        encoding_dimension: int | None,
        encoding: dict,
        sparse_drop_rate: float = 0.0,
        dense_drop_rate: float = 0.0,
        regularization: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**{**kwargs, "autocast": False})
        self.attribute = attribute
        self.width = width
        self.dense_width = dense_width
        self.dense_dimension = dense_dimension
        self.encoding_dimension = encoding_dimension
        self.encoding_settings = encoding
        self.sparse_drop_rate = sparse_drop_rate
        self.dense_drop_rate = dense_drop_rate
        self.regularization = regularization

    @property
    def output_width(self) -> int:
        """The last dimension of the rows."""
        return self.encoding_dimension or self._joined

    @property
    def _joined(self) -> int:
        return (self.dense_dimension if self.width else 0) + self.dense_width

    def build(self, input_shape: object = None) -> None:
        self.projection = self.encoding = None
        if self.width:
            self.projection = DenseForSparse(
                self.dense_dimension,
                sparse_drop_rate=self.sparse_drop_rate,
                dense_drop_rate=self.dense_drop_rate,
                regularization=self.regularization,
                dtype=self.dtype_policy,
                name="projection",
            )
            self.projection.build((None, self.width))
        if self.encoding_dimension:
            self.encoding = encoding_layer(
                self.encoding_dimension, self.encoding_settings, self.dtype_policy
            )
            self.encoding.build((None, self._joined))

    def call(
        self,
        batch: Batch,
        count: tf.Tensor,
        noise: Noise | None = None,
        replicas: Replicas = ONE_REPLICA,
    ) -> EncodedTurns:
        name, turns = self.attribute, batch[f"{self.attribute}_turns"]
        parts = []
        # One row more than there are, since no sparse product likes an empty matrix.
        if self.projection is not None:
            rows = tf.shape(turns)[0] + 1
            indices, values = batch[f"{name}_indices"], batch[f"{name}_values"]
            parts.append(self.projection(indices, values, rows, noise=noise))
        if self.dense_width:
            dense = tf.pad(batch[f"{name}_dense"], [[0, 1], [0, 0]])
            parts.append(tf.cast(dense, self.compute_dtype))
        rows = tf.concat(parts, axis=-1) if len(parts) > 1 else parts[0]
        if self.encoding is not None:
            rows = self.encoding(rows, noise=noise)
        return EncodedTurns(spread(rows, turns, count), None)

    def get_config(self) -> dict:
        names = (
            "attribute width dense_width dense_dimension encoding_dimension sparse_drop_rate "
            "dense_drop_rate regularization"
        ).split()
        own = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **own, "encoding": self.encoding_settings}


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class TextTurnEncoder(keras.layers.Layer):
    """Encodes an attribute that is a text: what the user said or the bot answered, end to end.

    Args:
        attribute: Which one: the beginning of its keys in a batch.
        settings: How texts are encoded.
        encoding_dimension, encoding: See `RowEncoder`.
        accumulate_steps: See `TextEncoder`.

    Call: a batch (`model.ted.batch`) and its number of turns -> `EncodedTurns`.
    """

    def __init__(
        self,
        attribute: str,
        settings: TextSettings | dict,
        *,
        encoding_dimension: int,
        encoding: dict,
        accumulate_steps: int = 1,
        **kwargs: Any,
    ):
        super().__init__(**{**kwargs, "autocast": False})
        self.attribute = attribute
        self.accumulate_steps = accumulate_steps
        self.settings = TextSettings.of(settings)
        self.encoding_dimension = encoding_dimension
        self.encoding_settings = encoding

    @property
    def output_width(self) -> int:
        """The last dimension of the rows."""
        return self.encoding_dimension

    def build(self, input_shape: object = None) -> None:
        self.text = TextEncoder(
            self.settings,
            accumulate_steps=self.accumulate_steps,
            prefix=self.attribute,
            dtype=self.dtype_policy,
            name="text",
        )
        self.text.build()
        self.encoding = encoding_layer(
            self.encoding_dimension, self.encoding_settings, self.dtype_policy
        )
        self.encoding.build((None, self.text.output_width))

    def call(
        self,
        batch: Batch,
        count: tf.Tensor,
        noise: Noise | None = None,
        replicas: Replicas = ONE_REPLICA,
    ) -> EncodedTurns:
        name, turns = self.attribute, batch[f"{self.attribute}_turns"]
        texts = {key: batch[key] for key in self.settings.widths.text_spec(name)}
        rows, time = (tf.shape(texts[f"{name}_mask"])[axis] for axis in (0, 1))
        if self.settings.use_masked_language_model and noise is not None:
            # Tokens are chosen for the global batch, in which all replicas are alike.
            rows, time = tf.unstack(replicas.all_reduce_max(tf.stack([rows, time])))
        text = self.text(_grown(texts, name, rows + 1, time), noise=noise, replicas=replicas)
        encoded = self.encoding(text.sentences, noise=noise)
        return EncodedTurns(spread(encoded, turns, count), text)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "attribute": self.attribute,
            "settings": self.settings.to_json(),
            "encoding_dimension": self.encoding_dimension,
            "encoding": self.encoding_settings,
            "accumulate_steps": self.accumulate_steps,
        }


def _grown(texts: Batch, name: str, rows: tf.Tensor, time: tf.Tensor) -> dict[str, tf.Tensor]:
    """The same texts on `rows` rows of `time` cells; what is new is empty.

    The names of their tensors begin with `name`. There is always one empty text,
    since not every layer likes a batch without any.
    """
    before = tf.shape(texts[f"{name}_mask"])
    more = tf.stack([rows, time]) - before
    grown = {}
    for key, value in texts.items():
        if key == f"{name}_sequence_indices":
            cells, columns = tf.unstack(value, axis=1)
            old, new = tf.cast(before[1], tf.int64), tf.cast(time, tf.int64)
            value = tf.stack([cells // old * new + cells % old, columns], axis=1)
        elif key in (f"{name}_mask", f"{name}_sequence_dense"):
            pads = [[0, more[0]], [0, more[1]], [0, 0]]
            value = tf.pad(value, pads[: value.shape.rank])
        elif key == f"{name}_sentence_dense":
            value = tf.pad(value, [[0, more[0]], [0, 0]])
        grown[key] = value
    return grown

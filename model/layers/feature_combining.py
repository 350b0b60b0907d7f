"""How a text's features become one row per token, and one more for the sentence."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from model.batch import Batch
from model.layers.dense import Ffnn
from model.layers.packing import Packing
from model.layers.sparse import DenseForSparse
from model.noise import Noise


class Places(NamedTuple):
    """Where a text's positions lie among the packed rows.

    Attributes:
        packing: All positions: the tokens and, directly after the last one, the sentence.
        token_counts: `[batch]` int32.
        sentence_rows: `[batch]` int32, the packed row that stands for the whole text. Without
            sentence features that is the last token.
    """

    packing: Packing
    token_counts: tf.Tensor
    sentence_rows: tf.Tensor

    @classmethod
    def of_mask(cls, token_mask: tf.Tensor, has_sentence: bool) -> Places:
        """The places of texts whose `token_mask` (`[batch, time]`, 1 = a token) is left-aligned.

        A text without tokens and sentence features keeps one (empty) position, so that every text
        has a row to stand for it.
        """
        counts = tf.cast(tf.reduce_sum(token_mask, 1), tf.int32)
        time = tf.shape(token_mask)[1]
        lengths, time = (counts + 1, time + 1) if has_sentence else (tf.maximum(counts, 1), time)
        packing = Packing.of_lengths(lengths, time)
        return cls(packing, counts, packing.starts + lengths - 1)

    def rows_of_cells(self, cells: tf.Tensor, token_time: tf.Tensor) -> tf.Tensor:
        """The packed rows (int64) of tokens given as `example * token_time + position` (int64)."""
        examples = cells // token_time
        return tf.gather(tf.cast(self.packing.starts, tf.int64), examples) + cells % token_time


@keras.saving.register_keras_serializable(package="diet_ted_trainer")
class FeatureCombining(keras.layers.Layer):
    """Turns the sparse and dense features of a text into packed rows of one width.

    Sequence and sentence features have their own weights; the sentence's row follows the text's
    last token. Dense features are joined to the projected sparse ones as they are: Rasa's "dense
    input dropout" acts on the projections alone. If the two kinds of rows differ in width, each
    goes through its own hidden layer first. Mirrors `rasa.utils.tensorflow.rasa_layers`:
    `ConcatenateSparseDenseFeatures`, `RasaFeatureCombiningLayer`.

    Args:
        sequence_width, sentence_width: Widths of the sparse features; 0 = there are none.
        sequence_dense_width, sentence_dense_width: The same of the dense ones.
        dense_dimension: Width that sparse features are projected to.
        concat_dimension: Width of the hidden layer, where one is needed.
        sparse_drop_rate, dense_drop_rate: See `DenseForSparse`.
        drop_rate, density: Of the hidden layer.
        regularization: L2 constant of all kernels.
        prefix: What the names of the texts' tensors begin with.

    Call: a batch and its `Places` -> `[packed, units]`, see `output_width`.

    >>> layer = FeatureCombining(sequence_width=10, sentence_width=7, dense_dimension=4)
    >>> layer.build()
    >>> layer.output_width
    4
    """

    def __init__(
        self,
        *,
        sequence_width: int,
        sentence_width: int = 0,
        sequence_dense_width: int = 0,
        sentence_dense_width: int = 0,
        dense_dimension: int = 128,
        concat_dimension: int = 128,
        sparse_drop_rate: float = 0.0,
        dense_drop_rate: float = 0.0,
        drop_rate: float = 0.0,
        density: float = 1.0,
        regularization: float = 0.0,
        prefix: str = "text",
        **kwargs: Any,
    ):
        super().__init__(**{**kwargs, "autocast": False})
        if sequence_width + sequence_dense_width < 1:
            raise ValueError(
                "A text needs sequence features (a featurizer that describes single tokens). "
                f"Received: sequence_width={sequence_width}, "
                f"sequence_dense_width={sequence_dense_width}"
            )
        self.sequence_width = sequence_width
        self.sentence_width = sentence_width
        self.sequence_dense_width = sequence_dense_width
        self.sentence_dense_width = sentence_dense_width
        self.dense_dimension = dense_dimension
        self.concat_dimension = concat_dimension
        self.sparse_drop_rate = sparse_drop_rate
        self.dense_drop_rate = dense_drop_rate
        self.drop_rate = drop_rate
        self.density = density
        self.regularization = regularization
        self.prefix = prefix

    @property
    def has_sentence(self) -> bool:
        """Whether texts have a sentence position."""
        return self.sentence_width + self.sentence_dense_width > 0

    @property
    def _needs_hidden(self) -> bool:
        return self.has_sentence and self._joined("sequence") != self._joined("sentence")

    @property
    def output_width(self) -> int:
        """The last dimension of the output."""
        return self.concat_dimension if self._needs_hidden else self._joined("sequence")

    def _joined(self, part: str) -> int:
        sparse, dense = {
            "sequence": (self.sequence_width, self.sequence_dense_width),
            "sentence": (self.sentence_width, self.sentence_dense_width),
        }[part]
        return (self.dense_dimension if sparse else 0) + dense

    def build(self, input_shape: object = None) -> None:
        self.sequence = self._projection("sequence", self.sequence_width)
        self.sentence = self._projection("sentence", self.sentence_width)
        self.sequence_hidden = self._hidden("sequence") if self._needs_hidden else None
        self.sentence_hidden = self._hidden("sentence") if self._needs_hidden else None

    def _projection(self, name: str, width: int) -> DenseForSparse | None:
        if not width:
            return None
        layer = DenseForSparse(
            self.dense_dimension,
            sparse_drop_rate=self.sparse_drop_rate,
            dense_drop_rate=self.dense_drop_rate,
            regularization=self.regularization,
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build((None, width))
        return layer

    def _hidden(self, part: str) -> Ffnn:
        layer = Ffnn(
            [self.concat_dimension],
            drop_rate=self.drop_rate,
            density=self.density,
            regularization=self.regularization,
            dtype=self.dtype_policy,
            name=f"{part}_hidden",
        )
        layer.build((None, self._joined(part)))
        return layer

    def call(self, batch: Batch, places: Places, noise: Noise | None = None) -> tf.Tensor:
        rows = self._sequence_rows(batch, places, noise)
        if not self.has_sentence:
            return rows
        sentences = self._sentence_rows(batch, places, noise)
        return tf.tensor_scatter_nd_update(rows, places.sentence_rows[:, None], sentences)

    def _sequence_rows(self, batch: Batch, places: Places, noise: Noise | None) -> tf.Tensor:
        parts = []
        if self.sequence is not None:
            time = tf.cast(tf.shape(batch[f"{self.prefix}_mask"])[1], tf.int64)
            cells, columns = tf.unstack(batch[f"{self.prefix}_sequence_indices"], axis=1)
            indices = tf.stack([places.rows_of_cells(cells, time), columns], axis=1)
            packed = tf.shape(places.packing.cells)[0]
            values = batch[f"{self.prefix}_sequence_values"]
            parts.append(self.sequence(indices, values, packed, noise=noise))
        if self.sequence_dense_width:
            extra = places.packing.time - tf.shape(batch[f"{self.prefix}_mask"])[1]
            dense = tf.pad(batch[f"{self.prefix}_sequence_dense"], [[0, 0], [0, extra], [0, 0]])
            parts.append(tf.cast(places.packing.pack(dense), self.compute_dtype))
        rows = tf.concat(parts, axis=-1) if len(parts) > 1 else parts[0]
        return rows if self.sequence_hidden is None else self.sequence_hidden(rows, noise=noise)

    def _sentence_rows(self, batch: Batch, places: Places, noise: Noise | None) -> tf.Tensor:
        parts = []
        if self.sentence is not None:
            indices, values = (
                batch[f"{self.prefix}_sentence_indices"],
                batch[f"{self.prefix}_sentence_values"],
            )
            examples = tf.shape(places.token_counts)[0]
            parts.append(self.sentence(indices, values, examples, noise=noise))
        if self.sentence_dense_width:
            parts.append(tf.cast(batch[f"{self.prefix}_sentence_dense"], self.compute_dtype))
        rows = tf.concat(parts, axis=-1) if len(parts) > 1 else parts[0]
        return rows if self.sentence_hidden is None else self.sentence_hidden(rows, noise=noise)

    def get_config(self) -> dict:
        names = (
            "sequence_width sentence_width sequence_dense_width sentence_dense_width "
            "dense_dimension concat_dimension sparse_drop_rate dense_drop_rate drop_rate density "
            "regularization prefix"
        ).split()
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

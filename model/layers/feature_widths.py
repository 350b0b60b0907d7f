"""How wide the features of one attribute are."""

from __future__ import annotations

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureWidths:
    """Columns of the sparse and dense features of tokens and of whole texts; 0 = there are none.

    An attribute that is no text (an intent's name, slots) has those of the whole alone.
    """

    sequence: int = 0
    sentence: int = 0
    sequence_dense: int = 0
    sentence_dense: int = 0

    def __post_init__(self) -> None:
        widths = dataclasses.asdict(self)
        if min(widths.values()) < 0 or not any(widths.values()):
            raise ValueError(
                f"An attribute needs features, of widths of at least 0. Received: {widths}"
            )

    def row_spec(self, name: str) -> dict[str, tf.TensorSpec]:
        """The tensors that hold one row of features each, see `model.ted.batch`."""
        specs = {}
        if self.sentence:
            specs[f"{name}_indices"] = tf.TensorSpec([None, 2], tf.int64)
            specs[f"{name}_values"] = tf.TensorSpec([None], tf.float32)
        if self.sentence_dense:
            specs[f"{name}_dense"] = tf.TensorSpec([None, self.sentence_dense], tf.float32)
        return specs

    def text_spec(self, name: str) -> dict[str, tf.TensorSpec]:
        """The tensors that hold one text each, see `model.batch`."""
        specs = {f"{name}_mask": tf.TensorSpec([None, None], tf.float32)}
        parts = (
            ("sequence", [None, None], self.sequence_dense),
            ("sentence", [None], self.sentence_dense),
        )
        for part, shape, dense in parts:
            # Those of tokens are there even if they are empty, since most pipelines have them.
            if part == "sequence" or self.sentence:
                specs[f"{name}_{part}_indices"] = tf.TensorSpec([None, 2], tf.int64)
                specs[f"{name}_{part}_values"] = tf.TensorSpec([None], tf.float32)
            if dense:
                specs[f"{name}_{part}_dense"] = tf.TensorSpec([*shape, dense], tf.float32)
        return specs

"""Compares the features that the text graph makes of strings with Python's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data_pipeline.batches.assembly import assemble, padded_length
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import FittedPipeline, store_messages
from data_pipeline.messages.scan import ScanResult, SideItems
from data_pipeline.rasa_files.training_items import Message, TrainingItem
from data_pipeline.text_graph.text_features import TextFeatures


def fitted(pipeline: Sequence[Mapping[str, Any]], items: Sequence[TrainingItem]) -> FittedPipeline:
    """The components of a `pipeline:`, fitted to training data in memory."""
    scanner = FeatureSettings([dict(component) for component in pipeline]).scanner()
    side_items = SideItems()
    messages = list(side_items.take_from(items))
    return ScanResult(scanner(messages), side_items).fit(scanner)


def features_in_python(pipeline: FittedPipeline, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """The batch tensors as training makes them."""
    store = store_messages(pipeline, [Message(text) for text in texts])
    return assemble(store, np.arange(len(texts)), padded_length(store.lengths))


class Comparison:
    """Compares the features of the graph with Python's."""

    def __init__(self, pipeline: FittedPipeline, **options: bool) -> None:
        self.pipeline = pipeline
        self.features = TextFeatures(pipeline, **options)
        self._function = tf.function(
            lambda texts: self.features(texts).batch,
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )

    def of_graph(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """The tensors that the graph makes."""
        given = tf.constant([text.encode() for text in texts], tf.string, [len(texts)])
        return {key: value.numpy() for key, value in self._function(given).items()}

    def check(self, texts: Sequence[str]) -> None:
        """Fails unless both are equal: shapes, types, every value."""
        differs = self._difference(texts)
        culprits = [text for text in texts if self._difference([text])] if differs else []
        assert not differs, f"{differs} differs; by itself of {culprits}, in {texts}"

    def _difference(self, texts: Sequence[str]) -> str | None:
        expected = _in_order(features_in_python(self.pipeline, texts))
        for key, value in _in_order(self.of_graph(texts)).items():
            wanted = expected[key]
            if (value.dtype, value.shape) != (wanted.dtype, wanted.shape):
                return key
            # Means of vectors are sums of floats, here in another order.
            tolerance = 1e-6 if key == "text_sentence_dense" else 0
            if not np.allclose(value, wanted, rtol=0, atol=tolerance):
                return key
        return None


def _in_order(batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Sparse features sorted by row and column; in Python the columns come in any order."""
    ordered = dict(batch)
    for part in ("text_sequence", "text_sentence"):
        indices = batch[f"{part}_indices"]
        order = np.lexsort((indices[:, 1], indices[:, 0]))
        for key in (f"{part}_indices", f"{part}_values"):
            ordered[key] = batch[key][order]
    return ordered

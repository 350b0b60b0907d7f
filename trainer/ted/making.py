"""The TED that belongs to a configuration and to what was learnt from the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from data_pipeline.batches.assembly import coordinates, padded_length
from data_pipeline.batches.example_store import ExampleStore
from data_pipeline.dialogue.dialogue_batches import text_tensors
from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.state_features import TEXT_ATTRIBUTES
from data_pipeline.errors import InputError
from model.layers.feature_widths import FeatureWidths
from model.ted.batch import attribute_spec
from model.ted.labels import Labels
from model.ted.sizes import TEDSizes
from model.ted.ted import TED
from trainer.ted.config import TEDConfig
from trainer.training.precision import dtype_policy


def make_ted(config: TEDConfig, featurizer: DialogueFeaturizer, precision: str) -> TED:
    """An unbuilt TED.

    Raises:
        InputError: the options do not fit the data.
    """
    try:
        return TED(
            ted_sizes(featurizer),
            config.ted,
            accumulate_steps=config.trainer.accumulate_steps,
            dtype=dtype_policy(precision),
        )
    except ValueError as error:
        raise InputError(str(error)) from None


def ted_sizes(featurizer: DialogueFeaturizer) -> TEDSizes:
    """The sizes of a TED for dialogues that this featurizer was fitted to."""
    texts = featurizer.texts
    return TEDSizes(
        attributes={name: _widths(featurizer, name) for name in featurizer.attributes},
        labels=_labels(featurizer),
        num_tags=len(texts.entity_tags) if texts is not None and featurizer.tagged else 0,
    )


def _widths(featurizer: DialogueFeaturizer, attribute: str) -> FeatureWidths:
    if attribute not in TEXT_ATTRIBUTES:
        return FeatureWidths(sentence=featurizer.row_width(attribute))
    assert featurizer.texts is not None, "texts have features"
    pipeline = featurizer.texts.pipelines[attribute]
    return FeatureWidths(
        sequence=pipeline.sequence_width,
        sentence=pipeline.sentence_width,
        sequence_dense=pipeline.dense_width,
        sentence_dense=pipeline.sentence_dense_width,
    )


def _labels(featurizer: DialogueFeaturizer) -> Labels:
    """The actions; in end-to-end stories by name and, behind them, those that are texts."""
    domain, texts = featurizer.domain, featurizer.texts
    if texts is None:
        return Labels("action_name", len(domain.actions))
    named = featurizer.rows("action_name", domain.action_names)
    widths, features = label_rows("action_name", named)
    if not domain.action_texts or "action_text" not in featurizer.attributes:
        return Labels("action_name", len(domain.actions), widths, as_specified(widths, features))
    widths["action_text"] = _widths(featurizer, "action_text")
    spoken = texts.store("action_text", domain.action_texts)
    return Labels("action_name", len(domain.actions), widths, _NamesAndTexts(named, spoken))


@dataclass(frozen=True)
class _NamesAndTexts:
    """Makes the features of some labels; those that are texts are behind those that are names."""

    names: csr_matrix
    texts: ExampleStore

    def __call__(self, labels: np.ndarray) -> dict[str, np.ndarray]:
        count = self.names.shape[0]
        names, texts = labels[labels < count], labels[labels >= count] - count
        _, features = label_rows("action_name", self.names[names])
        positions = padded_length(self.texts.lengths[texts])
        features |= text_tensors("action_text", self.texts, texts, positions)
        return {**features, "action_text_turns": np.arange(len(names), len(labels))}


def label_rows(
    attribute: str, rows: csr_matrix
) -> tuple[dict[str, FeatureWidths], dict[str, np.ndarray]]:
    """Widths and features of labels that have a row each, `[labels, width]` float32."""
    everything = np.arange(rows.shape[0])
    features = {
        f"{attribute}_turns": everything,
        f"{attribute}_indices": coordinates(rows, everything),
        f"{attribute}_values": rows.data,
    }
    return {attribute: FeatureWidths(sentence=rows.shape[1])}, features


def as_specified(
    widths: Mapping[str, FeatureWidths], features: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The features of these widths, in the types that a batch has."""
    specs = {key: s for name, of in widths.items() for key, s in attribute_spec(name, of).items()}
    return {key: features[key].astype(spec.dtype.as_numpy_dtype) for key, spec in specs.items()}

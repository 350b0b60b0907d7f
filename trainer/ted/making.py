"""The TED that belongs to a configuration and to what was learnt from the data."""

from __future__ import annotations

import numpy as np

from data_pipeline.batches.assembly import coordinates, padded_length
from data_pipeline.dialogue.dialogue_batches import text_tensors
from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.state_features import TEXT_ATTRIBUTES
from data_pipeline.errors import InputError
from model.layers.feature_widths import FeatureWidths
from model.ted.batch import attribute_spec
from model.ted.sizes import TEDSizes
from model.ted.ted import TED
from trainer.ted.config import TEDConfig


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
            dtype=precision,
        )
    except ValueError as error:
        raise InputError(str(error)) from None


def ted_sizes(featurizer: DialogueFeaturizer) -> TEDSizes:
    """The sizes of a TED for dialogues that this featurizer was fitted to."""
    texts = featurizer.texts
    labels, features = ({}, {}) if texts is None else _labels_by_words(featurizer)
    return TEDSizes(
        attributes={name: _widths(featurizer, name) for name in featurizer.attributes},
        num_labels=len(featurizer.domain.actions),
        labels=labels,
        label_features=features,
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


def _labels_by_words(
    featurizer: DialogueFeaturizer,
) -> tuple[dict[str, FeatureWidths], dict[str, np.ndarray]]:
    """Widths and features of the actions by name and, behind them, of those that are texts."""
    domain = featurizer.domain
    named = np.arange(len(domain.action_names))
    rows = featurizer.label_rows()[named]
    widths = {"action_name": FeatureWidths(sentence=rows.shape[1])}
    features = {
        "action_name_turns": named,
        "action_name_indices": coordinates(rows, named),
        "action_name_values": rows.data,
    }
    if featurizer.texts and domain.action_texts and "action_text" in featurizer.attributes:
        texts = featurizer.texts.store("action_text", domain.action_texts)
        everything = np.arange(len(texts))
        made = text_tensors("action_text", texts, everything, padded_length(texts.lengths))
        widths["action_text"] = _widths(featurizer, "action_text")
        features |= {"action_text_turns": len(named) + everything, **made}
    return widths, _as_specified(widths, features)


def _as_specified(
    widths: dict[str, FeatureWidths], features: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    specs = {key: s for name, of in widths.items() for key, s in attribute_spec(name, of).items()}
    return {key: features[key].astype(spec.dtype.as_numpy_dtype) for key, spec in specs.items()}

"""The model of unexpected intents that belongs to a configuration and to what was learnt."""

from __future__ import annotations

import numpy as np

from data_pipeline.batches.assembly import coordinates
from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.errors import InputError
from model.layers.feature_widths import FeatureWidths
from model.ted.batch import attribute_spec
from model.unexpected_intent.sizes import UnexpectedIntentSizes
from model.unexpected_intent.unexpected_intent import UnexpectedIntent
from trainer.unexpected_intent.config import UnexpectedIntentConfig


def make_unexpected_intent(
    config: UnexpectedIntentConfig, featurizer: DialogueFeaturizer, precision: str
) -> UnexpectedIntent:
    """An unbuilt model.

    Raises:
        InputError: the options do not fit the data.
    """
    try:
        return UnexpectedIntent(
            unexpected_intent_sizes(featurizer),
            config.unexpected_intent,
            accumulate_steps=config.trainer.accumulate_steps,
            dtype=precision,
        )
    except ValueError as error:
        raise InputError(f"UnexpecTEDIntentPolicy: {error}") from None


def unexpected_intent_sizes(featurizer: DialogueFeaturizer) -> UnexpectedIntentSizes:
    """The sizes of a model for dialogues that this featurizer was fitted to."""
    widths = {
        name: FeatureWidths(sentence=featurizer.row_width(name)) for name in featurizer.attributes
    }
    count = len(featurizer.domain.intents)
    if featurizer.texts is None or "intent" not in featurizer.texts.names:
        return UnexpectedIntentSizes(attributes=widths, num_intents=count)
    rows = featurizer.rows("intent", featurizer.domain.intents)
    label = FeatureWidths(sentence=rows.shape[1])
    everything = np.arange(count)
    features = {
        "intent_turns": everything,
        "intent_indices": coordinates(rows, everything),
        "intent_values": rows.data,
    }
    specs = attribute_spec("intent", label)
    return UnexpectedIntentSizes(
        attributes=widths,
        num_intents=count,
        label=label,
        label_features={
            key: features[key].astype(spec.dtype.as_numpy_dtype) for key, spec in specs.items()
        },
    )

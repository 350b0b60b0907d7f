"""The model of unexpected intents that belongs to a configuration and to what was learnt."""

from __future__ import annotations

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.errors import InputError
from model.layers.feature_widths import FeatureWidths
from model.ted.labels import Labels
from model.unexpected_intent.sizes import UnexpectedIntentSizes
from model.unexpected_intent.unexpected_intent import UnexpectedIntent
from trainer.ted.making import as_specified, label_rows
from trainer.training.precision import dtype_policy
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
            dtype=dtype_policy(precision),
        )
    except ValueError as error:
        raise InputError(f"UnexpecTEDIntentPolicy: {error}") from None


def unexpected_intent_sizes(featurizer: DialogueFeaturizer) -> UnexpectedIntentSizes:
    """The sizes of a model for dialogues that this featurizer was fitted to."""
    return UnexpectedIntentSizes(
        attributes={
            name: FeatureWidths(sentence=featurizer.row_width(name))
            for name in featurizer.attributes
        },
        labels=_labels(featurizer),
    )


def _labels(featurizer: DialogueFeaturizer) -> Labels:
    """The intents; where some story is end to end, by their words."""
    intents = featurizer.domain.intents
    if featurizer.texts is None or "intent" not in featurizer.texts.names:
        return Labels("intent", len(intents))
    widths, features = label_rows("intent", featurizer.rows("intent", intents))
    return Labels("intent", len(intents), widths, as_specified(widths, features))

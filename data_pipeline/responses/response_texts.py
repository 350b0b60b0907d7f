"""What the texts of responses look like to the model, by a vocabulary of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data_pipeline.batches.assembly import assemble, padded_length
from data_pipeline.entities.tags import TagVocabulary
from data_pipeline.featurizers.count_vectors import CountVectorsFeaturizer
from data_pipeline.featurizers.featurizer import Featurizer, tokenize
from data_pipeline.featurizers.lexical_syntactic import LexicalSyntacticFeaturizer
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import FittedPipeline, store_messages
from data_pipeline.messages.label_features import LabelFeatures
from data_pipeline.rasa_files.training_items import Message

WIDTHS = {
    "sequence": "sequence_width",
    "sentence": "sentence_width",
    "sequence_dense": "dense_width",
    "sentence_dense": "sentence_dense_width",
}


def response_pipeline(
    settings: FeatureSettings, pipeline: FittedPipeline, said: Sequence[str]
) -> FittedPipeline:
    """What featurizes responses, as the pipeline featurizes messages.

    Words are counted by a vocabulary of responses, unless it is shared with messages. Rare words
    count, too, whatever `min_df` says, and there are no features of the place of a word: so in Rasa
    for all attributes but the text of messages.

    Args:
        pipeline: fitted to messages.
        said: of each training message the response's text, or nothing.
    """
    components = [_without_min_df(component) for component in settings.pipeline]
    unfitted = replace(settings, pipeline=components).scanner()
    documents = tokenize(unfitted.tokenizer, [Message(text) for text in said])
    featurizers: list[Featurizer] = []
    for known, fresh in zip(pipeline.featurizers, unfitted.featurizers, strict=True):
        if isinstance(fresh, CountVectorsFeaturizer) and not fresh.shares_vocabulary:
            fresh.fit([fresh.observe(documents)])
            featurizers.append(fresh)
        elif not isinstance(fresh, LexicalSyntacticFeaturizer):
            featurizers.append(known)
    return FittedPipeline(
        tokenizer=pipeline.tokenizer,
        featurizers=featurizers,
        labels=(),
        label_features=LabelFeatures(0, True, (), ()),
        tags=TagVocabulary({}, pipeline.tags.bilou),
    )


def _without_min_df(component: dict) -> dict:
    is_counting = component["name"].rpartition(".")[2] == CountVectorsFeaturizer.name
    return {**component, "min_df": 1} if is_counting else component


def response_tensors(pipeline: FittedPipeline, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """The texts as one batch (keys: `model/batch.py`), a row each."""
    store = store_messages(pipeline, [Message(text) for text in texts])
    everything = np.arange(len(store))
    made = assemble(store, everything, padded_length(store.lengths))
    return {key: made[key] for key in made if key.startswith("text_") and key != "text_token_ids"}


def widths_of(pipeline: FittedPipeline) -> dict[str, int]:
    """The columns of features by kind, as `model.layers.feature_widths.FeatureWidths` has them."""
    return {kind: getattr(pipeline, width) for kind, width in WIDTHS.items()}

"""Texts of end-to-end stories have a language model's features, computed once and kept."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden.pretrained.tiny_transformers import UNITS, make_tiny_transformer
from pretrained import needs

from data_pipeline.batches.assembly import assemble
from data_pipeline.dialogue.prepare_dialogues import (
    DialogueSettings,
    DialogueSources,
    prepare_dialogues,
)
from data_pipeline.dialogue.prepared_dialogues import open_dialogues
from data_pipeline.featurizers.dense import language_model
from data_pipeline.featurizers.dense.transformer_vectors import TransformerVectors
from data_pipeline.messages.feature_settings import FeatureSettings

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "end_to_end_features.json").read_text(encoding="utf-8")
)
pytestmark = needs("torch", "transformers", "sentencepiece")


@pytest.fixture
def prepared(written, tmp_path):
    given = GOLDEN["given"]
    paths = {name: written(f"{name}.yml", given[name]) for name in ("domain", "stories", "nlu")}
    model = make_tiny_transformer("bert", tmp_path / "model")
    pipeline = [
        {"name": "WhitespaceTokenizer"},
        {"name": "LanguageModelFeaturizer", "model_weights": str(model)},
        {"name": "CountVectorsFeaturizer"},
    ]
    return prepare_dialogues(
        DialogueSources((paths["domain"],), (paths["stories"],), (paths["nlu"],)),
        DialogueSettings(augmentation_factor=0),
        tmp_path / "out",
        text_features=FeatureSettings(pipeline),
    )


@pytest.mark.parametrize("attribute", ["text", "action_text"])
def test_texts_are_kept_with_their_vectors(prepared, attribute, monkeypatch):
    texts = list(GOLDEN["features"][attribute])
    computed = prepared.featurizer.texts.store(attribute, texts)
    language_model._loaded.cache_clear()
    monkeypatch.setattr(TransformerVectors, "__init__", None)  # would raise if called
    opened = open_dialogues(prepared.directory).store.tables.texts[attribute]
    (shard,) = opened._shards
    assert isinstance(shard.context.tokens, np.memmap)
    everything = np.arange(len(opened))
    kept = assemble(opened, everything, 8)
    assert kept["text_sequence_dense"].shape == (len(opened), 8, UNITS)
    fresh = assemble(computed, np.arange(len(computed)), 8)
    for vectors in kept["text_sentence_dense"]:
        nearest = np.abs(fresh["text_sentence_dense"] - vectors).max(axis=1).min()
        assert nearest < 1e-5


def test_batches_of_dialogues_hold_them(prepared):
    store = prepared.store
    rows = np.arange(len(store))
    batch = store.batch(rows, rows, ())
    for attribute in ("text", "action_text"):
        if attribute in store.tables.texts:
            turns = len(batch[f"{attribute}_turns"])
            assert batch[f"{attribute}_sequence_dense"].shape[0] == turns
            assert batch[f"{attribute}_sentence_dense"].shape == (turns, UNITS)

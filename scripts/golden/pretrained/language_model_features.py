"""Features of Rasa's LanguageModelFeaturizer on tiny transformers (`tiny_transformers.py`)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from golden.messages import Bench
from golden.pretrained.tiny_transformers import KINDS
from rasa.nlu.featurizers.dense_featurizer.lm_featurizer import LanguageModelFeaturizer
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

GOLDEN = Path(__file__).resolve().parents[3] / "tests" / "golden"
TEXTS = [
    "hello there",
    "fly to Rome",
    "flying to rome is it",
    "want flights",
    "hello",
    "the flight to the flight",
]
LONG = "fly to rome " * 200
"""Longer than what most of the models take; Rasa refuses it in training, and answers."""


def record(models: Path) -> dict[str, Any]:
    """Per kind the features of texts, as in training and as in answering."""
    return {
        "texts": TEXTS,
        "long": LONG,
        "kinds": {kind: _of_kind(models / kind, kind) for kind in KINDS},
    }


def _of_kind(model: Path, kind: str) -> dict[str, Any]:
    bench = Bench()
    tokenizer = bench.make(WhitespaceTokenizer)
    featurizer = bench.make(LanguageModelFeaturizer, model_name=kind, model_weights=str(model))
    if kind == KINDS[0]:  # as people have it who used it with Rasa
        featurizer.model.save_pretrained(model / "tensorflow")
        shutil.copy(model / "tensorflow" / "tf_model.h5", GOLDEN / f"pretrained_{kind}.h5")
    data = TrainingData([Message({TEXT: text, INTENT: "x"}) for text in TEXTS])
    tokenizer.process_training_data(data)
    trained = featurizer.process_training_data(data).training_examples
    answered = featurizer.process(tokenizer.process([Message({TEXT: t}) for t in [*TEXTS, LONG]]))
    long = _features(answered[-1])
    return {
        "trained": [_features(message) for message in trained],
        "answered": [_features(message) for message in answered[:-1]],
        "long": {"sentence": long["sentence"], "sequence": long["sequence"][::100]},
    }


def _features(message: Message) -> dict[str, list[list[float]]]:
    return {
        feature.type: [[round(float(v), 6) for v in row] for row in np.asarray(feature.features)]
        for feature in message.features
    }

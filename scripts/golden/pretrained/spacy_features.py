"""Tokens and features of Rasa's spaCy components on a tiny pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from golden.messages import Bench
from golden.pretrained.tiny_spacy import make_tiny_spacy
from rasa.nlu.featurizers.dense_featurizer.spacy_featurizer import SpacyFeaturizer
from rasa.nlu.featurizers.sparse_featurizer.count_vectors_featurizer import CountVectorsFeaturizer
from rasa.nlu.featurizers.sparse_featurizer.lexical_syntactic_featurizer import (
    LexicalSyntacticFeaturizer,
)
from rasa.nlu.tokenizers.spacy_tokenizer import SpacyTokenizer
from rasa.nlu.utils.spacy_utils import SpacyNLP
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

TRAINING = [
    ["Hello there, are you the one?", "greet"],
    ["I want to fly to Rome", "fly"],
    ["the  flights to Rome don't exist", "fly"],
    ["is the the", "ask"],
]
UNSEEN = ["Are there Flights?", "xyz", "the"]
WINDOW = [["low", "pos"], ["BOS", "pos", "pos2", "suffix2"], ["pos2"]]
CASES = {
    "lower_case": {"case_sensitive": False, "pooling": "mean", "use_lemma": True, "oov": []},
    "case_sensitive": {"case_sensitive": True, "pooling": "max", "use_lemma": False, "oov": []},
    "unknown_words": {
        "case_sensitive": False,
        "pooling": "mean",
        "use_lemma": True,
        "oov": ["Flights", "is one"],
    },
}


def record(folder: Path) -> dict[str, Any]:
    """Per case its settings, and what comes out of every text."""
    make_tiny_spacy(folder)
    cases = {name: {**case, "texts": _featurized(folder, **case)} for name, case in CASES.items()}
    return {"training": TRAINING, "unseen": UNSEEN, "window": WINDOW, "cases": cases}


def _featurized(
    folder: Path, *, case_sensitive: bool, pooling: str, use_lemma: bool, oov: list[str]
) -> list[dict[str, Any]]:
    bench = Bench()
    spacy = bench.make(SpacyNLP, model=str(folder), case_sensitive=case_sensitive)
    model = spacy.provide()
    unknown = {"OOV_token": "oov", "OOV_words": oov} if oov else {}
    tokenizer = bench.make(SpacyTokenizer)
    dense = bench.make(SpacyFeaturizer, pooling=pooling, alias="dense")
    lexical = bench.make(LexicalSyntacticFeaturizer, features=WINDOW, alias="lexical")
    counts = bench.make(CountVectorsFeaturizer, use_lemma=use_lemma, alias="counts", **unknown)
    data = TrainingData([Message({TEXT: text, INTENT: intent}) for text, intent in TRAINING])
    spacy.process_training_data(data, model)
    tokenizer.process_training_data(data)
    lexical.train(data)
    counts.train(data, model)
    answered = spacy.process(
        [Message({TEXT: t}) for t in [*(t for t, _ in TRAINING), *UNSEEN]], model
    )
    for component in (tokenizer, dense, lexical, counts):
        answered = component.process(answered)
    return [_described(message) for message in answered]


def _described(message: Message) -> dict[str, Any]:
    features = {f"{f.origin}.{f.type}": _rows(f.features) for f in message.features}
    tokens = message.get("text_tokens") or []
    return {
        "tokens": [[t.text, t.start, t.end, t.lemma, t.get("pos")] for t in tokens],
        **features,
    }


def _rows(features: Any) -> list[list[float]]:
    rows = features.toarray() if hasattr(features, "toarray") else features
    return [[round(float(value), 7) for value in row] for row in np.asarray(rows)]

"""A dozen messages, featurized by Rasa's own components."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.featurizers.sparse_featurizer.count_vectors_featurizer import (
    CountVectorsFeaturizer,
)
from rasa.nlu.featurizers.sparse_featurizer.lexical_syntactic_featurizer import (
    LexicalSyntacticFeaturizer,
)
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.nlu.constants import RESPONSE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.formats.rasa_yaml import RasaYAMLReader
from rasa.shared.nlu.training_data.message import Message

NLU = """
version: "3.1"
nlu:
- intent: bye
  examples: |
    - bye
    - see you
- intent: fly
  examples: |
    - from [Rome]{"entity": "city", "role": "from"} to [New York]{"entity": "city", "role": "to"}
    - to [Oslo]{"entity": "city", "role": "to"}, please
    - [San Jose]{"entity": "city", "role": "from"} to [Rome](city) on [May](day)
    - is [Oslo](city) far
- intent: greet
  examples: |
    - hi
    - hi there
- intent: order
  examples: |
    - a [big]{"entity": "size", "group": "1"} pie with [ham]{"entity": "top", "group": "1"}
    - [ham]{"entity": "top", "group": "1"} on one, [red onion]{"entity": "top", "group": "2"} on two
    - one [red onion](top) pie
    - [big]{"entity": "size", "group": "2"}
"""

UNSEEN = [
    "fly from New York to San Jose, please",
    "a big pie with red onion, ham on two",
    "Oslo",
    "hi, is there one to Rome",
    "xyz 123",
]


class MadeUpVectors:
    """A dense featurizer: word vectors, for a text their mean over the words that have one.

    Pools as `SpacyFeaturizer` does.
    """

    def __init__(self, vectors: dict[str, list[float]]):
        self._vectors = {word: np.array(vector, np.float32) for word, vector in vectors.items()}

    @classmethod
    def get_default_config(cls) -> dict:
        return {}

    @classmethod
    def create(cls, config: dict, storage: Any, resource: Any, context: Any) -> MadeUpVectors:
        return cls(config["vectors"])

    def train(self, training_data: Any) -> None:
        """There is nothing to learn."""

    def process_training_data(self, training_data: Any) -> None:
        for message in training_data.training_examples:
            for attribute in (TEXT, RESPONSE):
                self._featurize(message, attribute)

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            self._featurize(message, TEXT)
        return messages

    def _featurize(self, message: Message, attribute: str) -> None:
        tokens = message.get(f"{attribute}_tokens")
        if not tokens:
            return
        nothing = np.zeros(len(next(iter(self._vectors.values()))), np.float32)
        rows = np.stack([self._vectors.get(token.text, nothing) for token in tokens])
        whole = DenseFeaturizer.aggregate_sequence_features(rows, "mean")
        for features, kind in ((rows, "sequence"), (whole, "sentence")):
            message.add_features(Features(features, kind, attribute, type(self).__name__))


FEATURIZERS = {
    "LexicalSyntacticFeaturizer": LexicalSyntacticFeaturizer,
    "CountVectorsFeaturizer": CountVectorsFeaturizer,
    "MadeUpVectors": MadeUpVectors,
}


class Bench:
    """Rasa components outside of a graph, each with its own place in one storage."""

    def __init__(self):
        self._storage = LocalModelStorage(Path(tempfile.mkdtemp()))
        self._context = ExecutionContext(GraphSchema({}), node_name="golden")
        self._made = 0

    def make(self, component: type, **options) -> Any:
        self._made += 1
        config = {**component.get_default_config(), **options}
        resource = Resource(f"{component.__name__}{self._made}")
        return component.create(config, self._storage, resource, self._context)


def featurized(
    pipeline: list[dict[str, Any]], nlu: str = NLU, unseen: Sequence[str] = UNSEEN
) -> tuple[Bench, Any, list[Message]]:
    """The bench, the training data, and all messages to answer (texts of training data first)."""
    bench = Bench()
    training_data = RasaYAMLReader().reads(nlu)
    tokenizer = bench.make(WhitespaceTokenizer)
    tokenizer.process_training_data(training_data)
    texts = [message.get(TEXT) for message in training_data.training_examples] + list(unseen)
    messages = tokenizer.process([Message({TEXT: text}) for text in texts])
    for options in pipeline:
        rest = {key: value for key, value in options.items() if key != "name"}
        featurizer = bench.make(FEATURIZERS[options["name"]], **rest)
        featurizer.train(training_data)
        featurizer.process_training_data(training_data)
        messages = featurizer.process(messages)
    return bench, training_data, messages

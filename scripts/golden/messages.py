"""A dozen messages, featurized by Rasa's own components."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.featurizers.sparse_featurizer.count_vectors_featurizer import (
    CountVectorsFeaturizer,
)
from rasa.nlu.featurizers.sparse_featurizer.lexical_syntactic_featurizer import (
    LexicalSyntacticFeaturizer,
)
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.nlu.constants import TEXT
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

FEATURIZERS = {
    "LexicalSyntacticFeaturizer": LexicalSyntacticFeaturizer,
    "CountVectorsFeaturizer": CountVectorsFeaturizer,
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


def featurized(pipeline: list[dict[str, Any]]) -> tuple[Bench, Any, list[Message]]:
    """The bench, the training data, and all messages to answer (texts of training data first)."""
    bench = Bench()
    training_data = RasaYAMLReader().reads(NLU)
    tokenizer = bench.make(WhitespaceTokenizer)
    tokenizer.process_training_data(training_data)
    texts = [message.get(TEXT) for message in training_data.training_examples] + UNSEEN
    messages = tokenizer.process([Message({TEXT: text}) for text in texts])
    for options in pipeline:
        rest = {key: value for key, value in options.items() if key != "name"}
        featurizer = bench.make(FEATURIZERS[options["name"]], **rest)
        featurizer.train(training_data)
        featurizer.process_training_data(training_data)
        messages = featurizer.process(messages)
    return bench, training_data, messages

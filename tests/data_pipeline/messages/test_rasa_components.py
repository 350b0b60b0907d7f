"""Graph components written for Rasa 3, run as they are. Skipped where Rasa cannot be imported."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from pretrained import needs

from data_pipeline.errors import InputError
from data_pipeline.featurizers.featurizer import tokenize
from data_pipeline.messages.pipeline_components import build_featurizers
from data_pipeline.rasa_files.training_items import Message

pytestmark = needs("rasa")
COMPONENTS = """
import numpy as np
from scipy.sparse import csr_matrix
from rasa.engine.graph import GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.featurizers.sparse_featurizer.sparse_featurizer import SparseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer

Type = DefaultV1Recipe.ComponentType


@DefaultV1Recipe.register(Type.MESSAGE_TOKENIZER, is_trainable=False)
class Letters(Tokenizer):
    @staticmethod
    def supported_languages():
        return ["en"]

    @staticmethod
    def get_default_config():
        return {"intent_tokenization_flag": True, "intent_split_symbol": "_", "upper": False}

    def tokenize(self, message, attribute):
        text = message.get(attribute)
        shown = str.upper if self._config["upper"] else str
        found = [(i, c) for i, c in enumerate(text) if c.strip()]
        return [Token(shown(c), i, lemma=c.lower(), data={"pos": "X"}) for i, c in found]


class _Numbers:
    @classmethod
    def create(cls, config, model_storage, resource, execution_context):
        return cls(execution_context.node_name, config)

    @classmethod
    def validate_config(cls, config):
        pass

    def process(self, messages):
        for message in messages:
            places = [[token.start, token.end] for token in message.get("text_tokens")]
            self.add_features_to_message(*self.numbers(np.array(places)), "text", message)
        return messages


@DefaultV1Recipe.register(Type.MESSAGE_FEATURIZER, is_trainable=False)
class Dense(_Numbers, DenseFeaturizer, GraphComponent):
    def numbers(self, places):
        return places * 1.5, places.sum(axis=0, keepdims=True)


@DefaultV1Recipe.register(Type.MESSAGE_FEATURIZER, is_trainable=False)
class Sparse(_Numbers, SparseFeaturizer, GraphComponent):
    def numbers(self, places):
        return csr_matrix(places), None


@DefaultV1Recipe.register(Type.MESSAGE_FEATURIZER, is_trainable=True)
class Trained(Dense):
    def train(self, training_data):
        pass


@DefaultV1Recipe.register(Type.INTENT_CLASSIFIER, is_trainable=False)
class Classifier(IntentClassifier, GraphComponent):
    @classmethod
    def create(cls, config, model_storage, resource, execution_context):
        return cls()
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "rasa_parts.py").write_text(COMPONENTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("rasa_parts", None)


def built(*names, language=None, **options):
    pipeline = [{"name": f"rasa_parts.{name}", **options} for name in names]
    return build_featurizers(pipeline, language)


def test_a_tokenizer_gives_its_tokens_with_lemmas_and_parts_of_speech():
    tokenizer = built("Letters", upper=True, language="en").tokenizer
    found = [(t.text, t.start, t.end, t.lemma, t.tag) for t in tokenizer.tokenize("Ab c")]
    assert found == [("A", 0, 1, "a", "X"), ("B", 1, 2, "b", "X"), ("C", 3, 4, "c", "X")]


def test_featurizers_give_what_they_add_to_a_message():
    components = built("Letters", "Dense", "Sparse")
    dense, sparse = components.featurizers
    for featurizer in components.featurizers:
        featurizer.fit([])
    messages = tokenize(components.tokenizer, [Message("a b"), Message("")])
    vectors, empty = dense.text_vectors(messages)
    assert vectors.tokens.tolist() == [[0, 1.5], [3, 4.5]]
    assert vectors.sentence.tolist() == [2, 4]
    assert empty.tokens.shape == (0, 2) and not empty.sentence.any()
    rows, _ = sparse.text_rows(messages)
    np.testing.assert_array_equal(rows.tokens.toarray(), [[0, 1], [2, 3]])
    assert (sparse.sequence_width, sparse.sentence_width, sparse.context_width) == (2, 0, 0)


def test_a_language_that_it_does_not_serve_is_refused():
    with pytest.raises(InputError, match="rasa_parts.Letters does not serve the language 'de'"):
        built("Letters", language="de")


def test_what_is_neither_is_skipped_and_what_is_trained_is_refused():
    assert built("Letters", "Classifier").skipped == ("rasa_parts.Classifier",)
    with pytest.raises(InputError, match="rasa_parts.Trained is trained, which is not supported"):
        built("Letters", "Trained")

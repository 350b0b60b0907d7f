"""Tokenizers and featurizers of one's own, found by their whole paths."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from data_pipeline.batches.assembly import assemble
from data_pipeline.errors import InputError
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import FittedPipeline, store_messages
from data_pipeline.messages.pipeline_components import build_featurizers
from data_pipeline.messages.prepare import prepare
from data_pipeline.messages.prepared import open_prepared
from data_pipeline.rasa_files.training_items import Message
from trainer.diet.making import diet_sizes

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "custom_components.md"
WHITESPACE = {"name": "WhitespaceTokenizer"}
COUNT = {"name": "CountVectorsFeaturizer"}
OTHERS = """
import numpy as np
from scipy.sparse import csr_matrix

class CountVectorsFeaturizer:
    '''Not Rasa's: dense and sparse the other way round than in the guide.'''
    def featurize(self, texts, spans):
        return [
            (np.array([[start, end] for start, end in of_text]), csr_matrix([[0, len(text), 2]]))
            for text, of_text in zip(texts, spans)
        ]

class OnlySentences:
    def featurize(self, texts, spans):
        return [(None, [len(text), 1.5]) for text in texts]

class Nothing:
    def featurize(self, texts, spans):
        return [(None, None)] * len(texts)

class Changing:
    def featurize(self, texts, spans):
        return [(np.zeros((len(s), len(t))), None) for t, s in zip(texts, spans)]

class TooFew:
    def featurize(self, texts, spans):
        return [(None, [1])] * (len(texts) - 1)

class Backwards:
    def tokenize(self, text):
        return [(2, 3), (0, 1)]

class NoPairs:
    def tokenize(self, text):
        return text.split()

class Classifier:
    def process(self, messages):
        return messages
"""
FOR_RASA = """
from rasa.engine.recipes.default_recipe import DefaultV1Recipe

@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class Sentiment:
    pass

@DefaultV1Recipe.register(
    [DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER], is_trainable=False
)
class Featurizer:
    pass

class Unregistered:
    pass
"""
TEXTS = ["big|cat and|dog", "a|bb"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The current folder, with the classes of the guide and others."""
    examples = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "guide.py").write_text("\n".join(examples))
    (tmp_path / "my_package" / "others.py").write_text(OTHERS)
    (tmp_path / "my_package" / "for_rasa.py").write_text(FOR_RASA)
    (tmp_path / "my_package" / "broken.py").write_text("1 / 0")
    lines = ['version: "3.1"', "nlu:"]
    for intent, text in zip("ab", TEXTS, strict=True):
        lines += [f"- intent: {intent}", "  examples: |", f"    - {text}"]
    (tmp_path / "nlu.yml").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        del sys.modules[name]


def prepared(project, pipeline, name="prepared", **settings):
    return prepare(
        [project / "nlu.yml"],
        FeatureSettings(pipeline),
        project / name,
        show_progress=False,
        **settings,
    )


def rows(batch, part, shape):
    dense = np.zeros(shape, np.float32)
    for (row, column), value in zip(
        batch[f"text_{part}_indices"], batch[f"text_{part}_values"], strict=True
    ):
        dense.reshape(-1, shape[-1])[row, column] = value
    return dense


PIPE = {"name": "my_package.guide.PipeTokenizer", "intent_tokenization_flag": True}
SHAPES = {"name": "my_package.guide.Shapes", "longest": 4}


def test_the_examples_of_the_guide_tokenize_and_featurize(project):
    data = prepared(project, [PIPE, SHAPES, COUNT])
    assert data.pipeline.tokenizer.label_tokens("a_b") == ("a", "b")
    for store in (data.store, store_messages(data.pipeline, [Message(text) for text in TEXTS])):
        batch = assemble(store, np.arange(2), 4)
        assert batch["text_mask"].sum(axis=1).tolist() == [3, 2]
        shapes = rows(batch, "sequence", (2, 4, data.pipeline.sequence_width))[..., :4]
        assert shapes.argmax(axis=2).tolist() == [[2, 3, 2, 0], [0, 1, 0, 0]]
        assert shapes.sum(axis=2).tolist() == [[1, 1, 1, 0], [1, 1, 0, 0]]
        np.testing.assert_allclose(batch["text_sentence_dense"], [[0.3], [0.2]])
        assert "text_sequence_dense" not in batch
    sizes = diet_sizes(data.pipeline)
    assert (sizes.text_sequence_dense_width, sizes.text_sentence_dense_width) == (0, 1)


def test_a_class_of_the_same_last_name_as_one_of_rasas_is_not_taken_for_it(project):
    mine = {"name": "my_package.others.CountVectorsFeaturizer"}
    data = prepared(project, [PIPE, COUNT, mine])
    assert data.pipeline.featurizers[1].alias == "my_package.others.CountVectorsFeaturizer"
    batch = assemble(data.store, np.arange(2), 4)
    assert batch["text_sequence_dense"][1].tolist() == [[0, 1], [2, 4], [0, 0], [0, 0]]
    sentence = rows(batch, "sentence", (2, data.pipeline.sentence_width))[:, -3:]
    assert sentence.tolist() == [[0, 15, 2], [0, 4, 2]]


@pytest.mark.slow
def test_prepared_data_and_runs_find_the_classes_again(project):
    pipeline = [PIPE, SHAPES, COUNT]
    one = prepared(project, pipeline)
    two = prepared(project, pipeline, "by two", processes=2)
    assert one.header == two.header
    (project / "run").mkdir()
    one.pipeline.save(project / "run")
    answering = FittedPipeline.load(project / "run")
    expected = assemble(open_prepared(project / "prepared").store, np.arange(2), 4)
    found = assemble(store_messages(answering, [Message(t) for t in TEXTS]), np.arange(2), 4)
    for key in set(expected) - {"text_token_ids", "label_ids"}:
        np.testing.assert_array_equal(found[key], expected[key])


def test_features_of_sentences_alone(project):
    data = prepared(project, [PIPE, COUNT, {"name": "my_package.others.OnlySentences"}])
    batch = assemble(data.store, np.arange(2), 4)
    assert batch["text_sentence_dense"].tolist() == [[15, 1.5], [4, 1.5]]
    store = store_messages(data.pipeline, [Message(""), Message("a")])
    assert assemble(store, np.arange(2), 4)["text_sentence_dense"].tolist() == [[0, 0], [1, 1.5]]


def test_a_changed_file_is_another_data_set(project):
    settings = FeatureSettings([WHITESPACE, SHAPES])
    before = settings.fingerprint([])
    path = project / "my_package" / "guide.py"
    path.write_text(path.read_text() + "# changed\n")
    assert settings.fingerprint([]) != before


def test_what_is_of_no_use_for_features_is_skipped_by_its_path(project):
    name = "my_package.others.Classifier"
    assert build_featurizers([WHITESPACE, {"name": name}, COUNT]).skipped == (name,)


@pytest.mark.skipif(find_spec("rasa") is not None, reason="Rasa is installed")
def test_without_rasa_a_component_written_for_it_is_told_by_its_source(project):
    name = "my_package.for_rasa.Sentiment"
    assert build_featurizers([WHITESPACE, {"name": name}, COUNT]).skipped == (name,)
    for name in ("my_package.for_rasa.Featurizer", "my_package.for_rasa.Unregistered"):
        with pytest.raises(InputError, match=f"{name} is written for Rasa, which is not installed"):
            build_featurizers([WHITESPACE, {"name": name}])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_package.Mine", "no_package.Mine cannot be used: there is no module no_package; run"),
        ("my_package.guide.Mine", "my_package.guide has no Mine"),
        ("my_package.broken.Mine", "importing it fails with ZeroDivisionError"),
        ("rasa_nlu_examples.tokenizers.StanzaTokenizer", "there is no module rasa_nlu_examples"),
    ],
)
def test_a_class_that_cannot_be_found_is_named(project, name, message):
    with pytest.raises(InputError, match=message):
        build_featurizers([WHITESPACE, {"name": name}])


@pytest.mark.parametrize(
    ("component", "message"),
    [
        ({"name": "my_package.guide.Shapes", "shortest": 1}, "cannot be made from its options"),
        ({"name": "my_package.others.Nothing"}, "gives no features of 'a b'"),
        ({"name": "my_package.others.TooFew"}, "a pair .rows of tokens, row of the text. for each"),
        (
            {"name": "my_package.others.Changing"},
            r"must give dense rows of shape \(\d, 3\)",
        ),
    ],
)
def test_features_that_do_not_fit_are_refused(project, component, message):
    with pytest.raises(InputError, match=message):
        prepared(project, [WHITESPACE, component, COUNT])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Backwards", r"tokenize must give pairs \(start, end\).*received \(0, 1\)"),
        ("NoPairs", "tokenize must give pairs"),
    ],
)
def test_tokens_that_do_not_fit_are_refused(project, name, message):
    tokenizer = build_featurizers([{"name": f"my_package.others.{name}"}]).tokenizer
    with pytest.raises(InputError, match=message):
        tokenizer.tokenize("big|cat")


def test_two_tokenizers_are_refused(project):
    with pytest.raises(InputError, match="two tokenizers, WhitespaceTokenizer and my_package.g"):
        build_featurizers([WHITESPACE, PIPE])

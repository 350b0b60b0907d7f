"""Tokens and features of a tiny spaCy pipeline against those of Rasa's spaCy components."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from golden.pretrained.tiny_spacy import make_tiny_spacy
from pretrained import golden, needs

from data_pipeline.batches.assembly import assemble
from data_pipeline.errors import InputError
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import FittedPipeline, store_messages
from data_pipeline.messages.pipeline_components import build_featurizers
from data_pipeline.messages.prepare import prepare
from data_pipeline.rasa_files.training_items import Message
from data_pipeline.tokenizers import spacy_model

RASA = golden("spacy")
TEXTS = [text for text, _ in RASA["training"]] + RASA["unseen"]
pytestmark = needs("spacy")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_tiny_spacy(tmp_path_factory.mktemp("spacy") / "tiny")


def pipeline_of(model, case):
    unknown = {"OOV_token": "oov", "OOV_words": case["oov"]} if case["oov"] else {}
    return [
        {"name": "SpacyNLP", "model": str(model), "case_sensitive": case["case_sensitive"]},
        {"name": "SpacyTokenizer"},
        {"name": "SpacyFeaturizer", "pooling": case["pooling"]},
        {"name": "LexicalSyntacticFeaturizer", "features": RASA["window"]},
        {"name": "CountVectorsFeaturizer", "use_lemma": case["use_lemma"], **unknown},
    ]


def prepared(folder, pipeline, name="prepared", **settings):
    lines = ['version: "3.1"', "nlu:"]
    for text, intent in RASA["training"]:
        lines += [f"- intent: {intent}", "  examples:", f"  - text: {json.dumps(text)}"]
    (folder / "nlu.yml").write_text("\n".join(lines))
    return prepare(
        [folder / "nlu.yml"],
        FeatureSettings(pipeline),
        folder / name,
        show_progress=False,
        **settings,
    )


def sparse(batch, part, rows, width):
    dense = np.zeros((rows, width), np.float32)
    row, column = batch[f"text_{part}_indices"].T
    dense[row, column] = batch[f"text_{part}_values"]
    return dense


def check_texts(store, texts, pipeline):
    """The batch of the texts against Rasa's features, text by text."""
    positions = 12
    batch = assemble(store, np.arange(len(texts)), positions)
    sequence = sparse(batch, "sequence", len(texts) * positions, pipeline.sequence_width)
    sequence = sequence.reshape(len(texts), positions, -1)
    sentence = sparse(batch, "sentence", len(texts), pipeline.sentence_width)
    for row, rasa in enumerate(texts):
        length = len(rasa["tokens"])
        assert batch["text_mask"][row].sum() == length
        lexical, counts = rasa["lexical.sequence"], rasa["counts.sequence"]
        expected = np.concatenate([lexical, counts], axis=1)
        np.testing.assert_array_equal(sequence[row, :length], expected)
        np.testing.assert_array_equal(sentence[row], rasa["counts.sentence"][0])
        dense = batch["text_sequence_dense"][row, :length]
        np.testing.assert_allclose(dense, rasa["dense.sequence"], atol=1e-7)
        pooled = batch["text_sentence_dense"][row]
        np.testing.assert_allclose(pooled, rasa["dense.sentence"][0], atol=1e-7)


@pytest.mark.parametrize("name", RASA["cases"])
def test_tokens_lemmas_and_tags_are_those_of_rasa(tiny, name):
    case = RASA["cases"][name]
    tokenizer = build_featurizers(pipeline_of(tiny, case)).tokenizer
    for text, rasa in zip(TEXTS, case["texts"], strict=True):
        tokens = tokenizer.tokenize(text)
        found = [[t.text, t.start, t.end, t.type.lemma, t.tag] for t in tokens]
        assert found == rasa["tokens"]


@pytest.mark.parametrize("name", RASA["cases"])
def test_features_in_batches_are_those_of_rasa(tiny, tmp_path, name):
    case = RASA["cases"][name]
    data = prepared(tmp_path, pipeline_of(tiny, case))
    check_texts(data.store, case["texts"][: len(RASA["training"])], data.pipeline)
    (tmp_path / "run").mkdir()
    data.pipeline.save(tmp_path / "run")
    answering = FittedPipeline.load(tmp_path / "run")
    store = store_messages(answering, [Message(text) for text in TEXTS])
    check_texts(store, case["texts"], answering)


def test_several_processes_prepare_the_same(tiny, tmp_path):
    pipeline = pipeline_of(tiny, RASA["cases"]["lower_case"])
    one = prepared(tmp_path, pipeline)
    two = prepared(tmp_path, pipeline, "by two", processes=2)
    assert one.header == two.header


def test_another_model_under_the_same_name_is_another_data_set(tiny, tmp_path):
    pipeline = pipeline_of(make_tiny_spacy(tmp_path / "model"), RASA["cases"]["lower_case"])
    settings = FeatureSettings(pipeline)
    before = settings.fingerprint([])
    make_tiny_spacy(tmp_path / "model", vectors=False)
    assert settings.fingerprint([]) != before


def test_a_model_without_vectors_gives_no_features_and_says_so(tmp_path, caplog):
    model = make_tiny_spacy(tmp_path / "model", vectors=False)
    data = prepared(tmp_path, pipeline_of(model, RASA["cases"]["lower_case"]))
    assert data.pipeline.dense_width == 0
    assert "has no word vectors, so this component adds no features" in caplog.text


def test_blanks_are_no_tokens(tiny):
    tokenizer = build_featurizers(pipeline_of(tiny, RASA["cases"]["lower_case"])).tokenizer
    assert tokenizer.tokenize(" \n ") == tokenizer.tokenize("") == ()


def test_each_text_is_analysed_once(tiny, monkeypatch):
    tokenizer = build_featurizers(pipeline_of(tiny, RASA["cases"]["lower_case"])).tokenizer
    first = tokenizer.tokenize_all(["a b", "c", "a b"])
    monkeypatch.setattr(spacy_model.SpacyModel, "docs", None)  # would raise if called
    assert tokenizer.tokenize_all(["c", "a b"]) == [first[1], first[0]]
    sent = pickle.loads(pickle.dumps(tokenizer))
    with pytest.raises(TypeError):
        sent.tokenize("c")


def test_a_run_is_not_answered_with_another_model(tiny, tmp_path):
    data = prepared(tmp_path, pipeline_of(tiny, RASA["cases"]["lower_case"]))
    (tmp_path / "run").mkdir()
    data.pipeline.save(tmp_path / "run")
    path = tmp_path / "run" / "pipeline.json"
    path.write_text(path.read_text().replace("en_tiny-0.0.0", "en_tiny-0.0.1"))
    with pytest.raises(InputError, match="trained with the spaCy model en_tiny-0.0.1; received en"):
        store_messages(FittedPipeline.load(tmp_path / "run"), [Message("hello")])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("no_such_model", "there is no spaCy model 'no_such_model' here.*spacy download no_such"),
        ("some/where", "there is no spaCy model 'some/where' here.*correct the path"),
    ],
)
def test_a_missing_model_is_named(model, message):
    with pytest.raises(InputError, match=message):
        build_featurizers(pipeline_of(model, RASA["cases"]["lower_case"]))


def test_a_model_for_another_spacy_is_refused(tmp_path):
    model = make_tiny_spacy(tmp_path / "model")
    meta = json.loads((model / "meta.json").read_text())
    (model / "meta.json").write_text(json.dumps({**meta, "spacy_version": ">=2.0,<2.1"}))
    tokenizer = build_featurizers(pipeline_of(model, RASA["cases"]["lower_case"])).tokenizer
    with pytest.raises(InputError, match="is for spaCy >=2.0,<2.1; received spaCy 3"):
        tokenizer.tokenize("hello")


def test_spacy_features_need_spacy_tokens(tiny):
    pipeline = [
        {"name": "SpacyNLP", "model": str(tiny)},
        {"name": "WhitespaceTokenizer"},
        {"name": "SpacyFeaturizer"},
    ]
    with pytest.raises(InputError, match="needs the tokens of a SpacyTokenizer; received Whites"):
        build_featurizers(pipeline)

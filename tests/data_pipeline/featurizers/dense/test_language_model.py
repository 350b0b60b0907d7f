"""Features of tiny transformers against Rasa's own, from the model to the batches of DIET."""

from __future__ import annotations

import json
import logging
import pickle
import shutil

import numpy as np
import pytest
import tensorflow as tf
from golden.pretrained.tiny_transformers import KINDS, UNITS, make_tiny_transformer
from pretrained import GOLDEN, golden, needs

from data_pipeline.batches.assembly import assemble
from data_pipeline.batches.dataset import make_dataset
from data_pipeline.batches.plans import in_order_plan
from data_pipeline.errors import InputError
from data_pipeline.featurizers.dense.language_model import LanguageModelFeaturizer
from data_pipeline.featurizers.dense.transformer_files import TransformerFiles
from data_pipeline.featurizers.dense.transformer_vectors import TransformerVectors
from data_pipeline.featurizers.featurizer import TokenizedMessage, tokenize
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import FittedPipeline, store_messages
from data_pipeline.messages.prepare import prepare
from data_pipeline.messages.prepared import open_prepared
from data_pipeline.rasa_files.training_items import Message, Token
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer
from model.diet.diet import DIET
from model.diet.options import DIETOptions
from model.noise import Noise
from trainer.diet.making import diet_sizes

RASA = golden("transformers")
TEXTS = RASA["texts"]
pytestmark = needs("torch", "transformers", "sentencepiece")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Kind -> the folder of a tiny model of it, made when first asked for."""
    folder = tmp_path_factory.mktemp("models")
    made = {}

    def model(kind):
        if kind not in made:
            made[kind] = make_tiny_transformer(kind, folder / kind)
        return made[kind]

    return model


def fitted(kind, weights, **options):
    options = {"model_name": kind, "model_weights": str(weights), **options}
    featurizer = LanguageModelFeaturizer(options)
    featurizer.fit([])
    return featurizer


def vectors(featurizer, texts):
    return featurizer.text_vectors(tokenize(WhitespaceTokenizer(), [Message(t) for t in texts]))


def check(found, rasa, kind="bert"):
    # Of "gpt", PyTorch's version has OpenAI's own formula of gelu, and TensorFlow's the exact one.
    tolerance = 1e-3 if kind == "gpt" else 2e-5
    np.testing.assert_allclose(found.tokens, rasa["sequence"], atol=tolerance)
    np.testing.assert_allclose(found.sentence, rasa["sentence"][0], atol=tolerance)


# --- One featurizer -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_features_are_those_of_rasa(models, kind):
    featurizer = fitted(kind, models(kind))
    assert featurizer.context_width == featurizer.context_sentence_width == UNITS
    for way in ("trained", "answered"):
        for found, rasa in zip(vectors(featurizer, TEXTS), RASA["kinds"][kind][way], strict=True):
            assert found.tokens.dtype == found.sentence.dtype == np.float32
            check(found, rasa, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_longer_than_the_model_takes_is_cut_as_in_rasa(models, kind, caplog):
    (found,) = vectors(fitted(kind, models(kind)), [RASA["long"]])
    assert len(found.tokens) == 600
    rasa = RASA["kinds"][kind]["long"]
    check(found._replace(tokens=found.tokens[::100]), rasa, kind)
    warned = "1 text(s) are longer than the model takes" in caplog.text
    assert warned == (not found.tokens[-1].any()) == (kind != "xlnet")


def test_tokens_without_sub_words_and_texts_without_tokens_have_zeros(models):
    featurizer = fitted("xlnet", models("xlnet"))
    word, sign = Token("hello", 0, 5), Token("▁", 6, 7)
    empty, marker, both = featurizer.text_vectors(
        [TokenizedMessage(Message("?"), tokens) for tokens in ((), (sign,), (word, sign))]
    )
    assert empty.tokens.shape == (0, UNITS)
    assert not empty.sentence.any()
    assert marker.tokens.shape == (1, UNITS)
    assert not marker.tokens.any() and not marker.sentence.any()
    assert both.tokens[0].any() and not both.tokens[1].any()


def test_each_text_is_computed_once(models, monkeypatch):
    featurizer = fitted("bert", models("bert"))
    computed = []
    of = TransformerVectors.of
    monkeypatch.setattr(
        TransformerVectors, "of", lambda self, texts: computed.extend(texts) or of(self, texts)
    )
    first = vectors(featurizer, ["hello there", "is it", "hello there"])
    again = vectors(featurizer, ["is it", "fly", "hello there"])
    assert [text for text in computed if text != ("hello",)] == [
        ("hello", "there"),
        ("is", "it"),
        ("fly",),
    ]
    assert first[0] is first[2] is again[2]


def test_restored_and_sent_to_another_process_it_is_the_same(models):
    featurizer = fitted("bert", models("bert"))
    state = json.loads(json.dumps(featurizer.state()))
    restored = LanguageModelFeaturizer.restore(featurizer.options(), state)
    for other in (restored, pickle.loads(pickle.dumps(featurizer))):
        assert other.context_width == UNITS
        check(vectors(other, TEXTS[:1])[0], RASA["kinds"]["bert"]["trained"][0])


def test_answering_with_another_model_is_refused(models):
    featurizer = fitted("bert", models("bert"))
    options = {"model_name": "distilbert", "model_weights": str(models("distilbert"))}
    other = LanguageModelFeaturizer.restore(options, featurizer.state())
    with pytest.raises(InputError, match="distilbert' is not the one that this was trained with"):
        vectors(other, ["hello"])


def test_a_model_on_disk_needs_no_network(models, monkeypatch, tmp_path):
    monkeypatch.setattr("socket.socket.connect", None)  # would raise if called
    cached = tmp_path / "models--me--tiny"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("abc")
    shutil.copytree(models("bert"), cached / "snapshots" / "abc")
    for weights, cache in ((str(models("bert")), None), ("me/tiny", str(tmp_path))):
        featurizer = fitted("bert", weights, cache_dir=cache)
        check(vectors(featurizer, TEXTS[:1])[0], RASA["kinds"]["bert"]["trained"][0])
        names = {path.name for path in featurizer.source_files()}
        assert {"config.json", "model.safetensors", "vocab.txt"} <= names


@pytest.fixture
def for_tensorflow(models, tmp_path):
    """A folder as people have it who used a model with Rasa; its weights were saved there."""
    folder = tmp_path / "tensorflow"
    shutil.copytree(models("bert"), folder)
    (folder / "model.safetensors").unlink()
    shutil.copy(GOLDEN / "pretrained_bert.h5", folder / "tf_model.h5")
    return folder


def test_weights_that_tensorflow_wrote_are_read(for_tensorflow):
    featurizer = fitted("bert", for_tensorflow)
    names = [path.name for path in featurizer.source_files()]
    assert names == ["config.json", "tf_model.h5", "vocab.txt"]
    for found, rasa in zip(
        vectors(featurizer, TEXTS), RASA["kinds"]["bert"]["trained"], strict=True
    ):
        check(found, rasa)


def test_weights_of_another_kind_are_refused(for_tensorflow):
    with pytest.raises(
        InputError, match="tf_model.h5: holds no weights of a GPT2Model: wte.weight"
    ):
        TransformerFiles(str(for_tensorflow)).model(transformers_class("GPT2Model"))


def transformers_class(name):
    import transformers

    return getattr(transformers, name)


def test_what_is_asked_of_the_network_is_only_what_is_not_on_disk():
    asked = []

    def load(weights, *, cache_dir, local_files_only):
        asked.append((weights, cache_dir, local_files_only))
        if local_files_only:
            raise OSError("not there")
        return "loaded"

    assert TransformerFiles("me/tiny", "cache").loaded(load) == "loaded"
    assert asked == [("me/tiny", "cache", True), ("me/tiny", "cache", False)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_name": "brt"}, "unknown model_name 'brt'; did you mean 'bert'"),
        ({"model_name": "xlm"}, "unknown model_name 'xlm'; known are bert, gpt, gpt2, xlnet, dis"),
        ({"model_weigths": "x"}, "unknown option 'model_weigths'; did you mean 'model_weights'"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        LanguageModelFeaturizer(options)


def test_a_folder_without_a_model_is_named(tmp_path):
    featurizer = LanguageModelFeaturizer({"model_weights": str(tmp_path)})
    with pytest.raises(InputError, match=f"cannot load the model '{tmp_path}'"):
        featurizer.fit([])


def test_a_model_that_is_nowhere_is_named(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    featurizer = LanguageModelFeaturizer({"model_weights": "no/such"})
    with pytest.raises(InputError, match="cannot load the model 'no/such'"):
        featurizer.fit([])


# --- Prepared data, batches, DIET -----------------------------------------------------------------


def pipeline_of(weights, *, sparse=True):
    whole = [
        {"name": "WhitespaceTokenizer"},
        {"name": "LanguageModelFeaturizer", "model_name": "bert", "model_weights": str(weights)},
        {"name": "CountVectorsFeaturizer"},
    ]
    return [c for c in whole if sparse or c["name"] != "CountVectorsFeaturizer"]


def prepared(folder, pipeline, name="prepared", **settings):
    lines = ['version: "3.1"', "nlu:", "- intent: a", "  examples: |"]
    lines += [f"    - {text}" for text in TEXTS[:3]] + ["- intent: b", "  examples: |"]
    lines += [f"    - {text}" for text in TEXTS[3:]]
    (folder / "nlu.yml").write_text("\n".join(lines))
    return prepare(
        [folder / "nlu.yml"],
        FeatureSettings(pipeline),
        folder / name,
        show_progress=False,
        **settings,
    )


def check_batch(batch, texts=TEXTS):
    rasa = [RASA["kinds"]["bert"]["trained"][TEXTS.index(text)] for text in texts]
    for row, of_text in enumerate(rasa):
        length = len(of_text["sequence"])
        tokens = batch["text_sequence_dense"][row]
        np.testing.assert_allclose(tokens[:length], of_text["sequence"], atol=2e-5)
        assert not np.any(tokens[length:])
        sentence = batch["text_sentence_dense"][row]
        np.testing.assert_allclose(sentence, of_text["sentence"][0], atol=2e-5)


def test_batches_hold_what_rasa_computes(models, tmp_path):
    data = prepared(tmp_path, pipeline_of(models("bert")))
    check_batch(assemble(data.store, np.arange(len(TEXTS)), 8))
    order = np.array([3, 1])
    check_batch(assemble(data.store, order, 8), [TEXTS[i] for i in order])


def test_prepared_features_are_mapped_and_never_computed_again(models, tmp_path, monkeypatch):
    prepared(tmp_path, pipeline_of(models("bert")))
    monkeypatch.setattr(TransformerVectors, "__init__", None)  # would raise if called
    from data_pipeline.featurizers.dense import language_model

    language_model._loaded.cache_clear()
    opened = open_prepared(tmp_path / "prepared")
    (shard,) = opened.store._shards
    assert isinstance(shard.context.tokens, np.memmap)
    assert isinstance(shard.context.sentences, np.memmap)
    check_batch(assemble(opened.store, np.arange(len(TEXTS)), 8))


def test_several_processes_and_small_shards_prepare_the_same(models, tmp_path, monkeypatch):
    pipeline = pipeline_of(models("bert"))
    one = prepared(tmp_path, pipeline)
    two = prepared(tmp_path, pipeline, "by two", processes=2)
    assert one.header == two.header
    monkeypatch.setattr("data_pipeline.messages.prepare.CHUNK_MESSAGES", 2)
    monkeypatch.setattr("data_pipeline.messages.prepare.SHARD_CONTEXT_BYTES", 1)
    three = prepared(tmp_path, pipeline, "in shards")
    assert three.header["shards"] == [2, 2, 2]
    check_batch(assemble(three.store, np.arange(len(TEXTS)), 8))


def test_altered_features_are_refused_by_name(models, tmp_path):
    directory = prepared(tmp_path, pipeline_of(models("bert"))).directory
    path = directory / "shard-00000.context_tokens.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(InputError, match="shard-00000.context_tokens.npy was altered"):
        open_prepared(directory)


def test_other_weights_are_another_data_set(models, tmp_path):
    shutil.copytree(models("bert"), tmp_path / "model")
    settings = FeatureSettings(pipeline_of(tmp_path / "model"))
    before = settings.fingerprint([])
    assert settings.fingerprint([]) == before
    shutil.copy(models("distilbert") / "model.safetensors", tmp_path / "model")
    assert settings.fingerprint([]) != before


def test_a_loaded_pipeline_computes_the_same_on_the_fly(models, tmp_path):
    data = prepared(tmp_path, pipeline_of(models("bert")))
    (tmp_path / "run").mkdir()
    data.pipeline.save(tmp_path / "run")
    answering = FittedPipeline.load(tmp_path / "run")
    check_batch(assemble(store_messages(answering, [Message(t) for t in TEXTS]), np.arange(6), 8))
    empty = store_messages(answering, [Message("")])
    assert not assemble(empty, np.arange(1), 4)["text_sentence_dense"].any()


def test_tokens_are_the_same_to_the_language_model_where_their_vectors_are(models, tmp_path):
    store = prepared(tmp_path, pipeline_of(models("bert"))).store
    twice = assemble(store, np.array([5, 0, 5]), 8)
    ids, mask = twice["text_token_ids"], twice["text_mask"] > 0
    np.testing.assert_array_equal(ids[0], ids[2])
    assert len(np.unique(ids[:2][mask[:2]])) == 7  # "the" and "flight" differ from place to place
    assert (ids > 0).tolist() == mask.tolist()
    alone = assemble(store, np.array([0]), 4)["text_token_ids"]
    np.testing.assert_array_equal(alone[0], ids[1][:4])


@pytest.mark.parametrize("sparse", [True, False])
def test_diet_learns_from_such_batches(models, tmp_path, sparse):
    data = prepared(tmp_path, pipeline_of(models("bert"), sparse=sparse))
    sizes = diet_sizes(data.pipeline)
    assert sizes.text_sequence_dense_width == sizes.text_sentence_dense_width == UNITS
    options = DIETOptions(
        use_masked_language_model=True,
        entity_recognition=False,
        transformer_size=8,
        number_of_transformer_layers=1,
        random_seed=0,
    )
    model = DIET(sizes, options)
    model.build()
    signature = model.training_signature()
    plan = in_order_plan(6, 6)
    (batch,) = make_dataset(data.store, lambda _: plan, signature, tf.distribute.InputContext())
    check_batch({key: value.numpy() for key, value in batch.items()})
    terms = model.loss_terms(batch, Noise(0, tf.constant(0, tf.int64)))
    assert np.isfinite([term.total.numpy() for term in terms.losses.values()]).all()


def test_what_is_written_about_the_features(models, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        prepared(tmp_path, pipeline_of(models("bert")))
    assert "LanguageModelFeaturizer: 8 numbers per token and 8 per text" in caplog.text

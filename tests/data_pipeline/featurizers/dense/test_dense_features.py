"""Word vectors on their way from a file to the batches of DIET."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.batches.assembly import assemble, padded_length
from data_pipeline.batches.dataset import make_dataset
from data_pipeline.batches.plans import PADDING, in_order_plan
from data_pipeline.errors import InputError
from data_pipeline.featurizers.dense_features import DenseBlock, pool
from data_pipeline.featurizers.featurizer import TokenizedMessage
from data_pipeline.messages.feature_settings import FeatureSettings
from data_pipeline.messages.fitted_pipeline import FittedPipeline, store_messages
from data_pipeline.messages.prepare import prepare
from data_pipeline.messages.prepared import open_prepared
from data_pipeline.rasa_files.training_items import Message
from model.diet.diet import DIET
from model.diet.options import DIETOptions
from model.noise import Noise
from trainer.diet.making import diet_sizes

NLU = """
nlu:
- intent: greet
  examples: |
    - Hello there
    - hello
    - qqq zzz
- intent: travel
  examples: |
    - fly me to [Paris](city)
    - zzz the cheapest flight to [Rome](city) please zzz
    - hello [Berlin](city)
"""
# "zzz" has a vector, but of zeros; "qqq" and some other words have none; "unseen" only comes later.
WORDS = "hello there fly to paris rome flight zzz unseen".split()
OTHER_WORDS = "Paris Rome Berlin please unseen".split()
UNSEEN = "hello unseen qqq"


def write_vectors(path, words, width, seed):
    numbers = np.random.default_rng(seed).standard_normal((len(words), width)).astype(np.float32)
    vectors = {w: 0 * v if w == "zzz" else v for w, v in zip(words, numbers, strict=True)}
    lines = [f"{word} {' '.join(map(repr, v.tolist()))}\n" for word, v in vectors.items()]
    path.write_text("".join(lines))
    return vectors


class Project:
    """Training data and two files of vectors, in a folder."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "nlu.yml").write_text(NLU)
        self.vectors = write_vectors(folder / "a.txt", WORDS, 3, seed=0)
        self.others = write_vectors(folder / "b.txt", OTHER_WORDS, 2, seed=1)

    def settings(self, *, sparse=True, **options):
        name = "WordVectorsFeaturizer"
        a, b = (str(self.folder / file) for file in ("a.txt", "b.txt"))
        pipeline = [
            {"name": "WhitespaceTokenizer"},
            {"name": name, "path": a, "alias": "mean"},
            {"name": "LexicalSyntacticFeaturizer"},
            {"name": "CountVectorsFeaturizer"},
            {"name": name, "path": b, "alias": "max", "pooling": "max", "lowercase": False},
        ]
        kept = [c for c in pipeline if sparse or c["name"] not in SPARSE]
        return FeatureSettings(kept, **options)

    def prepare(self, name="prepared", processes=1, **options):
        return prepare(
            [self.folder / "nlu.yml"],
            self.settings(**options),
            self.folder / name,
            processes=processes,
            show_progress=False,
        )

    def lookup(self, token):
        first = self.vectors.get(token, self.vectors.get(token.lower(), np.zeros(3)))
        return first, self.others.get(token, np.zeros(2))


SPARSE = ("LexicalSyntacticFeaturizer", "CountVectorsFeaturizer")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def pooled_slowly(vectors, pooling):
    """Rasa's pooling, token by token."""
    known = [vector for vector in vectors if any(vector)]
    if not known:
        return np.zeros_like(vectors[0])
    return np.mean(known, 0) if pooling == "mean" else np.max(known, 0)


def check_dense(batch, texts, project):
    """The dense features of a batch against the vectors looked up one by one."""
    rows, positions = batch["text_mask"].shape
    assert batch["text_sequence_dense"].shape == (rows, positions, 5)
    assert batch["text_sequence_dense"].dtype == batch["text_sentence_dense"].dtype == np.float32
    sequence, sentence = np.zeros((rows, positions, 5)), np.zeros((rows, 5))
    for row, text in enumerate(texts):
        found = [project.lookup(token) for token in text.split()]
        sequence[row, : len(found)] = [np.concatenate(pair) for pair in found]
        first, second = zip(*found, strict=True)
        sentence[row] = [*pooled_slowly(first, "mean"), *pooled_slowly(second, "max")]
    np.testing.assert_array_equal(batch["text_sequence_dense"], sequence.astype(np.float32))
    np.testing.assert_allclose(batch["text_sentence_dense"], sentence, rtol=1e-6)


TEXTS = [
    re.sub(r"\[(\w+)\]\(city\)", r"\1", line[6:]) for line in NLU.split("\n") if "   -" in line
]


# --- Pooling --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [("mean", [[2, -3], [0, 0], [-1, -1]]), ("max", [[3, -2], [0, 0], [-1, -1]])],
)
def test_pooling_passes_over_unknown_tokens(pooling, expected):
    texts = [
        [[1, -2], [0, 0], [3, -4], [0, 0]],
        [[0, 0], [0, 0], [0, 0], [0, 0]],
        [[0, 0], [0, 0], [-1, -1], [0, 0]],
    ]
    found = pool(np.array(texts, np.float32), [DenseBlock(2, pooling)])
    assert found.dtype == np.float32
    assert found.tolist() == expected


def test_a_token_counts_where_only_one_number_is_not_zero():
    texts = np.array([[[0, 4], [2, 0]]], np.float32)
    assert pool(texts, [DenseBlock(2, "mean")]).tolist() == [[1, 2]]
    assert pool(-texts, [DenseBlock(2, "max")]).tolist() == [[0, 0]]


def test_blocks_are_pooled_on_their_own():
    texts = np.array([[[1, 0, -5], [0, 0, -7], [3, 0, 0]]], np.float32)
    blocks = [DenseBlock(1, "mean"), DenseBlock(1, "mean"), DenseBlock(1, "max")]
    assert pool(texts, blocks).tolist() == [[2, 0, -5]]


# --- Prepared data --------------------------------------------------------------------------------


def test_batches_of_a_prepared_data_set_equal_a_slow_reference(project):
    store = project.prepare().store
    indices = np.array([4, 2, 0, 5, 1, 3, PADDING])
    batch = assemble(store, indices, positions=12)
    check_dense(batch, [TEXTS[i] for i in indices[:-1]], project)
    assert not batch["text_sequence_dense"][-1].any()
    assert not batch["text_sentence_dense"][-1].any()


def test_sparse_features_are_what_they_are_without_vectors(project):
    indices = np.arange(len(TEXTS))
    both = assemble(project.prepare().store, indices, 8)
    sparse = ("LexicalSyntacticFeaturizer", "CountVectorsFeaturizer")
    alone = assemble(project.prepare("sparse", featurizers=sparse).store, indices, 8)
    assert set(both) - set(alone) == {"text_sequence_dense", "text_sentence_dense"}
    for key in set(alone) - {"text_token_ids"}:
        np.testing.assert_array_equal(both[key], alone[key])


@pytest.mark.shows("featurizers")
def test_aliases_choose_among_dense_featurizers(project):
    pipeline = project.prepare(featurizers=("max", "CountVectorsFeaturizer")).pipeline
    assert [featurizer.alias for featurizer in pipeline.featurizers] == [
        "CountVectorsFeaturizer",
        "max",
    ]
    assert pipeline.dense_blocks == (DenseBlock(2, "max"),)


def test_tokens_of_equal_vectors_are_the_same_to_the_language_model(project):
    # In "zzz the cheapest flight to Rome please zzz" both "zzz" have no vector, like "the" and
    # "cheapest", and the places of all of them differ.
    ids = assemble(project.prepare().store, np.array([4, 2, 3, 5]), 8)["text_token_ids"]
    long, unknown, fly, berlin = ids
    zzz, the, cheapest, flight, to, rome, please, last_zzz = long
    assert zzz == the == cheapest == last_zzz == unknown[0] == unknown[1] == fly[1]
    assert to == fly[2]
    assert len({zzz, flight, to, rome, please, fly[3], berlin[0], berlin[1]}) == 8
    assert (ids[:, :2] > 0).all()
    assert not unknown[2:].any()


def test_several_processes_prepare_the_same(project):
    one, two = project.prepare(), project.prepare("by two", processes=2)
    assert one.header == two.header


def test_worker_processes_get_no_vectors(project):
    pipeline = project.prepare().pipeline
    sent = pipeline.without_dense_only()
    assert not sent.dense_width
    assert sent.sequence_starts[-1] == pipeline.sequence_width
    message = TokenizedMessage(Message("hello Rome"), pipeline.tokenizer.tokenize("hello Rome"))
    assert sent.place_columns(message) == pipeline.place_columns(message)
    assert sent.sentence_extra(message) == pipeline.sentence_extra(message)


def test_opened_again_without_the_vector_files(project):
    prepared = project.prepare()
    expected = assemble(prepared.store, np.arange(6), 8)
    moved = project.folder / "moved"
    shutil.move(prepared.directory, moved)
    (project.folder / "a.txt").unlink()
    (project.folder / "b.txt").unlink()
    opened = open_prepared(moved)
    assert isinstance(opened.store.tables.token_vectors, np.memmap)
    again = assemble(opened.store, np.arange(6), 8)
    for key, value in expected.items():
        np.testing.assert_array_equal(again[key], value)


@pytest.mark.parametrize(
    "name",
    ["token_vectors.npy", "featurizer-0.vectors.npy", "featurizer-0.words.npy"],
)
def test_altered_vectors_are_refused_by_name(project, name):
    directory = project.prepare().directory
    path = directory / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{name} was altered"):
        open_prepared(directory)
    path.unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        open_prepared(directory)


def test_data_are_prepared_again_when_a_vector_file_changes(project):
    first = project.prepare()
    assert project.prepare().fingerprint == first.fingerprint
    path = project.folder / "b.txt"
    path.write_text(path.read_text().replace("please", "pleased"))
    second = project.prepare()
    assert second.fingerprint != first.fingerprint
    batch = assemble(second.store, np.array([4]), 8)
    assert not batch["text_sequence_dense"][0, 6].any()


def test_a_missing_vector_file_is_reported_before_any_work(project):
    (project.folder / "b.txt").unlink()
    with pytest.raises(InputError, match="option 'path' names a file that does not exist"):
        project.prepare()
    assert not (project.folder / "prepared").exists()


def test_coverage_is_reported(project, caplog):
    (project.folder / "b.txt").write_text("nothing 1 2\n")
    with caplog.at_level("INFO"):
        project.prepare()
    assert "mean: vectors of 3 numbers; 8 of 15 distinct tokens have one." in caplog.text
    levels = {record.getMessage(): record.levelname for record in caplog.records}
    assert levels["max: vectors of 2 numbers; 0 of 15 distinct tokens have one."] == "WARNING"


# --- Saved pipelines ------------------------------------------------------------------------------


def test_words_that_training_never_saw_keep_their_vectors(project):
    prepared = project.prepare()
    run = project.folder / "run"
    run.mkdir()
    prepared.pipeline.save(run)
    for path in (prepared.directory, project.folder / "a.txt", project.folder / "b.txt"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    texts = [UNSEEN, "Hello PARIS Paris"]
    store = store_messages(FittedPipeline.load(run), [Message(text) for text in texts])
    batch = assemble(store, np.arange(2), padded_length(store.lengths))
    check_dense(batch, texts, project)
    assert batch["text_sequence_dense"][0, 1].all()


def test_a_loaded_pipeline_can_be_saved_where_it_came_from(project):
    directory = project.prepare().directory
    pipeline = FittedPipeline.load(directory)
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    pipeline.save(directory)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
    assert pipeline.token_vectors(["hello"]).any()


@pytest.mark.parametrize("content", [None, b"", b"\x93NUMPY\x01\x00v"])
def test_missing_or_damaged_array_of_a_pipeline_is_named(project, content):
    directory = project.prepare().directory
    path = directory / "featurizer-0.vectors.npy"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    problem = "is missing" if content is None else "is damaged"
    with pytest.raises(InputError, match=f"featurizer-0.vectors.npy {problem}.*pipeline.json"):
        FittedPipeline.load(directory)


def test_texts_without_tokens_have_zeros(project):
    store = store_messages(project.prepare().pipeline, [Message(""), Message("hello")])
    batch = assemble(store, np.arange(2), 4)
    assert not batch["text_sentence_dense"][0].any()
    assert batch["text_sentence_dense"][1].any()
    only_empty = store_messages(project.prepare().pipeline, [Message("")])
    assert not assemble(only_empty, np.arange(1), 4)["text_sequence_dense"].any()


# --- DIET -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sparse", [True, False])
def test_diet_learns_from_and_answers_on_such_batches(project, sparse):
    prepared = project.prepare(sparse=sparse)
    sizes = diet_sizes(prepared.pipeline)
    assert sizes.text_sequence_dense_width == sizes.text_sentence_dense_width == 5
    assert (sizes.text_sequence_width > 0) == (sizes.text_sentence_width > 0) == sparse
    assert sizes.label_one_hot == (not sparse)
    options = DIETOptions(
        use_masked_language_model=True,
        transformer_size=8,
        number_of_transformer_layers=1,
        random_seed=0,
    )
    model = DIET(sizes, options)
    model.build()
    signature = model.training_signature()
    assert {"text_sequence_dense", "text_sentence_dense", "text_token_ids"} <= set(signature)
    dataset = make_dataset(
        prepared.store, lambda _: in_order_plan(6, 6), signature, tf.distribute.InputContext()
    )
    assert dataset.element_spec == signature
    (batch,) = dataset
    check_dense({key: value.numpy() for key, value in batch.items()}, TEXTS, project)
    with tf.GradientTape() as tape:
        terms = model.loss_terms(batch, Noise(0, tf.constant(0, tf.int64)))
        loss = tf.add_n([term.total for term in terms.losses.values()])
    assert {"intent", "entity", "mask"} == set(terms.losses)
    assert np.isfinite(loss.numpy())
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    assert any(g is not None for g in gradients)

    store = store_messages(prepared.pipeline, [Message(UNSEEN), Message("")])
    made = assemble(store, np.arange(2), padded_length(store.lengths))
    answers = model({key: tf.constant(made[key]) for key in model.input_signature()})
    assert answers["intent_confidences"].shape == (2, 2)
    assert answers["entity_tags"].shape == (2, 4)

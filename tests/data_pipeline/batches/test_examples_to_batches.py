"""From prepared examples to batches: the store, the assembly, the shares of replicas."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import tensorflow as tf
from scipy.sparse import csr_matrix

from data_pipeline.batches.assembly import LENGTH_BUCKET, assemble, padded_length
from data_pipeline.batches.dataset import make_dataset, rows_per_replica
from data_pipeline.batches.example_store import ExampleStore
from data_pipeline.batches.examples import Examples, FeatureTables, ranges
from data_pipeline.batches.plans import PADDING, Plan
from data_pipeline.featurizers.dense_features import DenseBlock

TYPES, PLACES, WIDTH, SENTENCE_WIDTH = 9, 5, 12, 8
LENGTHS = (3, 1, 6, 2, 4, 1, 5)
BLOCKS = (DenseBlock(2, "mean"), DenseBlock(1, "max"))


def mask(random, rows):
    return random.random((rows, WIDTH)) < 0.4


def make_tables(dense=False):
    random = np.random.default_rng(0)
    own = np.arange(WIDTH) < 8  # the columns of the tokens; the others are those of the places
    token_rows = csr_matrix(random.normal(size=(TYPES, WIDTH)) * own * mask(random, TYPES))
    place_rows = csr_matrix(mask(random, PLACES) * ~own)
    vectors = random.normal(size=(TYPES, 3)).astype(np.float32)
    vectors[4] = 0
    # Columns 0-5 are summed into sentence columns 2-7; 6 and 7 are not.
    column = np.concatenate([np.arange(6) + 2, np.full(6, -1)])
    return FeatureTables(
        token_rows=token_rows.astype(np.float32),
        place_rows=place_rows.astype(np.float32),
        token_vectors=vectors if dense else np.zeros((TYPES, 0), np.float32),
        token_identity=np.arange(TYPES) // 2,
        sentence_column=column,
        sentence_width=SENTENCE_WIDTH,
        dense_blocks=BLOCKS if dense else (),
    )


def make_examples(lengths=LENGTHS):
    random = np.random.default_rng(1)
    tokens = sum(lengths)
    extra_counts = random.integers(0, 3, len(lengths))
    extras = int(extra_counts.sum())
    return Examples(
        lengths=np.array(lengths, np.int32),
        token_types=random.integers(0, TYPES, tokens).astype(np.int32),
        token_places=random.integers(0, PLACES, tokens).astype(np.int32),
        labels=np.arange(len(lengths), dtype=np.int32) % 4,
        tags={head: random.integers(0, 5, tokens).astype(np.int32) for head in ("entity", "role")},
        extra_counts=extra_counts.astype(np.int32),
        # Ones that the tokens also fill, and one that they do not.
        extra_columns=np.concatenate([np.arange(n) + 1 for n in extra_counts]).astype(np.int32),
        extra_values=random.normal(size=extras).astype(np.float32),
    )


def make_store(cuts=(), dense=False):
    """All examples, cut into shards before the given ones."""
    examples = make_examples()
    borders = [0, *cuts, len(examples)]
    parts = [np.arange(a, b) for a, b in zip(borders[:-1], borders[1:], strict=True)]
    return ExampleStore(make_tables(dense), [examples.take(part) for part in parts])


def assert_same(one: Examples, other: Examples):
    for field in fields(Examples):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if field.name == "tags":
            assert left.keys() == right.keys()
            for head in left:
                np.testing.assert_array_equal(left[head], right[head])
        else:
            np.testing.assert_array_equal(left, right, err_msg=field.name)


@pytest.mark.parametrize("cuts", [(3,), (1, 2, 6), (1, 2, 3, 4, 5, 6)])
@pytest.mark.parametrize("indices", [[0], [6, 0, 3], [2, 2, 5, 1, 2], [5, 6], list(range(7)), []])
def test_taking_from_several_shards_equals_taking_from_one(cuts, indices):
    indices = np.array(indices, np.int64)
    store = make_store(cuts)
    assert len(store) == len(LENGTHS)
    assert_same(store.take(indices), make_store().take(indices))
    np.testing.assert_array_equal(store.labels, make_store().labels)
    np.testing.assert_array_equal(store.lengths, LENGTHS)


def test_ranges_of_nothing_are_empty():
    assert ranges(np.array([3, 4]), np.array([0, 0])).tolist() == []
    assert ranges(np.array([], int), np.array([], int)).tolist() == []


@pytest.mark.parametrize(("longest", "padded"), [(0, 4), (1, 4), (4, 4), (5, 8), (8, 8), (17, 20)])
def test_positions_come_in_buckets(longest, padded):
    assert LENGTH_BUCKET == 4
    assert padded_length(np.array([longest, 0])) == padded
    assert padded_length(np.array([], int)) == 4


def dense(indices, stored, shape):
    made = np.zeros(shape, np.float32)
    for (row, column), value in zip(indices, stored, strict=True):
        made[row, column] += value
    return made


def slow_batch(store, indices, positions, heads):
    """The batch of `assemble`, one token at a time, with dense features."""
    tables, rows = store.tables, len(indices)
    batch = {
        "text_mask": np.zeros((rows, positions)),
        "text_token_ids": np.zeros((rows, positions), int),
        "label_ids": np.zeros(rows, int),
        "example_weights": np.zeros(rows),
        "sequence": np.zeros((rows * positions, WIDTH), np.float32),
        "sentence": np.zeros((rows, SENTENCE_WIDTH), np.float32),
        **{f"{head}_tags": np.zeros((rows, positions), int) for head in heads},
    }
    for row, index in enumerate(indices):
        if index == PADDING:
            continue
        example = store.take(np.array([index]))
        batch["label_ids"][row] = example.labels[0]
        batch["example_weights"][row] = 1
        for t in range(example.lengths[0]):
            kind, place = example.token_types[t], example.token_places[t]
            token = tables.token_rows[kind].toarray()[0]
            batch["text_mask"][row, t] = 1
            batch["text_token_ids"][row, t] = 1 + tables.token_identity[kind] * PLACES + place
            batch["sequence"][row * positions + t] = token + tables.place_rows[place].toarray()[0]
            for column, value in enumerate(token):
                if tables.sentence_column[column] >= 0:
                    batch["sentence"][row, tables.sentence_column[column]] += value
            for head in heads:
                batch[f"{head}_tags"][row, t] = example.tags[head][t]
        for column, value in zip(example.extra_columns, example.extra_values, strict=True):
            batch["sentence"][row, column] += value
    return batch


@pytest.mark.parametrize("cuts", [(), (2, 5)])
@pytest.mark.parametrize(
    "indices", [[0, 1, 2], [6, 2, 2, PADDING, PADDING], [1], [PADDING, PADDING]]
)
def test_a_batch_equals_one_made_token_by_token(cuts, indices):
    store, indices, heads = make_store(cuts), np.array(indices), ("entity", "role")
    made = assemble(store, indices, 8, heads)
    expected = slow_batch(store, indices, 8, heads)
    shapes = {"sequence": (len(indices) * 8, WIDTH), "sentence": (len(indices), SENTENCE_WIDTH)}
    for kind, shape in shapes.items():
        coordinates = made.pop(f"text_{kind}_indices")
        rows = dense(coordinates, made.pop(f"text_{kind}_values"), shape)
        np.testing.assert_allclose(rows, expected.pop(kind), rtol=1e-6, err_msg=kind)
        assert np.all(np.diff(coordinates[:, 0]) >= 0), "sorted by row"
        assert len(np.unique(coordinates, axis=0)) == len(coordinates), "no place twice"
    assert made.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(made[key], value, err_msg=key)


def test_only_the_wanted_tags_are_included():
    batch = assemble(make_store(), np.array([0]), 4, ("role",))
    assert "role_tags" in batch and "entity_tags" not in batch


def test_dense_features_are_placed_and_pooled_by_block():
    store = make_store(dense=True)
    indices = np.array([2, 0, PADDING])
    batch = assemble(store, indices, 8)
    assert batch["text_sequence_dense"].shape == (3, 8, 3)
    for row, index in enumerate(indices[:2]):
        kinds = store.take(np.array([index])).token_types
        vectors = store.tables.token_vectors[kinds]
        np.testing.assert_array_equal(batch["text_sequence_dense"][row, : len(kinds)], vectors)
        assert not batch["text_sequence_dense"][row, len(kinds) :].any()
        known = vectors[vectors.any(axis=1)]
        pooled = [*known[:, :2].mean(axis=0), known[:, 2].max()]
        np.testing.assert_allclose(batch["text_sentence_dense"][row], pooled, rtol=1e-6)
        ids = 1 + store.tables.token_identity[kinds]
        np.testing.assert_array_equal(batch["text_token_ids"][row, : len(kinds)], ids)
    assert not batch["text_sequence_dense"][2].any() and not batch["text_sentence_dense"][2].any()


SIGNATURE = {
    "text_mask": tf.TensorSpec([None, None], tf.float32),
    "text_sequence_indices": tf.TensorSpec([None, 2], tf.int64),
    "text_sequence_values": tf.TensorSpec([None], tf.float32),
    "text_sentence_indices": tf.TensorSpec([None, 2], tf.int64),
    "text_sentence_values": tf.TensorSpec([None], tf.float32),
    "label_ids": tf.TensorSpec([None], tf.int32),
    "example_weights": tf.TensorSpec([None], tf.float32),
    "entity_tags": tf.TensorSpec([None, None], tf.int32),
}
PLAN = Plan(np.array([[0, 1, 2, 3], [4, 5, 6, 0], [1, 2, PADDING, PADDING]]))


def elements(pipelines, pipeline, per_pipeline=1, first_step=0, cuts=(3,)):
    context = tf.distribute.InputContext(pipelines, pipeline, pipelines * per_pipeline)
    made = make_dataset(make_store(cuts), lambda _: PLAN, SIGNATURE, context, first_step=first_step)
    assert made.element_spec == SIGNATURE
    return list(made.as_numpy_iterator())


def joined(parts):
    """The batch that replicas' parts make together, and features as dense rows."""
    rows, positions = parts[0]["text_mask"].shape
    assert all(part["text_mask"].shape == (rows, positions) for part in parts)
    whole = {
        key: np.concatenate([part[key] for part in parts])
        for key in SIGNATURE
        if not key.endswith(("_indices", "_values"))
    }
    for kind, shape in {
        "sequence": (rows * positions, WIDTH),
        "sentence": (rows, SENTENCE_WIDTH),
    }.items():
        features = [
            dense(p[f"text_{kind}_indices"], p[f"text_{kind}_values"], shape) for p in parts
        ]
        whole[kind] = np.concatenate(features)
    return whole


@pytest.mark.parametrize(("pipelines", "per_pipeline"), [(2, 1), (4, 1), (1, 2), (1, 4), (2, 2)])
def test_the_shares_of_all_replicas_make_the_global_batch(pipelines, per_pipeline):
    streams = [elements(pipelines, number, per_pipeline) for number in range(pipelines)]
    for step, alone in enumerate(elements(1, 0)):
        own = slice(step * per_pipeline, (step + 1) * per_pipeline)
        whole, expected = joined([p for s in streams for p in s[own]]), joined([alone])
        for key, value in expected.items():
            np.testing.assert_array_equal(whole[key], value, err_msg=f"step {step}, {key}")


def test_an_uneven_share_is_filled_up_at_the_end():
    assert rows_per_replica(4, 3) == 2
    streams = [elements(3, number) for number in range(3)]
    weights = np.concatenate([stream[0]["example_weights"] for stream in streams])
    np.testing.assert_array_equal(weights, [1, 1, 1, 1, 0, 0])


@pytest.mark.parametrize("per_pipeline", [1, 2])
@pytest.mark.parametrize("first_step", [0, 1, 2, 3])
def test_a_later_first_step_leaves_out_what_was_before(per_pipeline, first_step):
    everything = elements(1, 0, per_pipeline)
    rest = elements(1, 0, per_pipeline, first_step=first_step)
    assert len(rest) == (3 - first_step) * per_pipeline
    for one, other in zip(rest, everything[first_step * per_pipeline :], strict=True):
        for key, value in one.items():
            np.testing.assert_array_equal(value, other[key])


def test_shards_make_no_difference_to_the_batches():
    for one, other in zip(elements(1, 0, cuts=()), elements(1, 0, cuts=(1, 4)), strict=True):
        for key, value in one.items():
            np.testing.assert_array_equal(value, other[key])

"""From example indices to the tensors of one replica's batch, in numpy (keys: `model/batch.py`)."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.sparse import csr_matrix

from data_pipeline.batches.examples import Examples, FeatureTables
from data_pipeline.batches.plans import PADDING
from data_pipeline.featurizers.dense_features import pool

LENGTH_BUCKET = 4  # token positions are padded to a multiple of this, so that few shapes occur


class StoredExamples(Protocol):
    """Where examples are taken from: an `ExampleStore`."""

    tables: FeatureTables

    def take(self, indices: np.ndarray) -> Examples: ...


def padded_length(lengths: np.ndarray) -> int:
    """The token positions of a batch whose examples have these lengths; at least one bucket."""
    longest = int(lengths.max()) if len(lengths) else 0
    return max(1, -(-longest // LENGTH_BUCKET)) * LENGTH_BUCKET


def assemble(
    store: StoredExamples, indices: np.ndarray, positions: int, heads: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """One replica's batch.

    Args:
        indices: `[rows]` int64, `PADDING` for rows that only fill the batch; those come last.
        positions: token positions `T`, at least the longest example's length.
        heads: which tags to include.
    """
    rows = len(indices)
    examples = store.take(indices[indices != PADDING])
    real = len(examples)
    place = _places(examples.lengths, positions)
    token_ids = _token_ids(store.tables, examples)
    batch = {
        "text_mask": _scatter(place, np.ones(len(place), np.float32), rows, positions),
        "text_token_ids": _scatter(place, token_ids, rows, positions),
        "label_ids": np.concatenate([examples.labels, np.zeros(rows - real, np.int32)]),
        "example_weights": (np.arange(rows) < real).astype(np.float32),
    }
    for head in heads:
        batch[f"{head}_tags"] = _scatter(place, examples.tags[head], rows, positions)
    batch.update(_sparse_features(store.tables, examples, place))
    if store.tables.dense_width or examples.context:
        batch.update(_dense_features(store.tables, examples, place, rows, positions))
    return batch


def _places(lengths: np.ndarray, positions: int) -> np.ndarray:
    """`[tokens]` where each token stands in the flattened `[rows, positions]`."""
    starts = np.cumsum(lengths) - lengths
    position = np.arange(int(lengths.sum())) - np.repeat(starts, lengths)
    return np.repeat(np.arange(len(lengths)), lengths) * positions + position


def _scatter(place: np.ndarray, values: np.ndarray, rows: int, positions: int) -> np.ndarray:
    padded = np.zeros((rows * positions, *values.shape[1:]), values.dtype)
    padded[place] = values
    return padded.reshape(rows, positions, *values.shape[1:])


def _token_ids(tables: FeatureTables, examples: Examples) -> np.ndarray:
    """Numbers that agree exactly where two tokens look alike; never 0.

    As in Rasa, only dense features count if there are any; otherwise all sparse ones do.
    """
    if examples.context and examples.context.tokens.shape[1]:
        return _vector_ids(_token_vectors(tables, examples))
    if tables.dense_width:
        return 1 + tables.token_identity[examples.token_types]
    places = tables.place_rows.shape[0]
    return 1 + tables.token_identity[examples.token_types] * places + examples.token_places


def _sparse_features(
    tables: FeatureTables, examples: Examples, place: np.ndarray
) -> dict[str, np.ndarray]:
    token_rows = tables.token_rows[examples.token_types]
    sequence = token_rows + tables.place_rows[examples.token_places]
    sentence = _sentence_rows(tables, examples, token_rows)
    return {
        "text_sequence_indices": coordinates(sequence, place),
        "text_sequence_values": sequence.data,
        "text_sentence_indices": coordinates(sentence, np.arange(len(examples))),
        "text_sentence_values": sentence.data,
    }


def _dense_features(
    tables: FeatureTables, examples: Examples, place: np.ndarray, rows: int, positions: int
) -> dict[str, np.ndarray]:
    vectors = _scatter(place, _token_vectors(tables, examples), rows, positions)
    sentences = pool(vectors[:, :, : tables.dense_width], tables.dense_blocks)
    if examples.context:
        of_texts = np.zeros((rows, examples.context.sentences.shape[1]), np.float32)
        of_texts[: len(examples)] = examples.context.sentences
        sentences = np.concatenate([sentences, of_texts], axis=1)
    made = {"text_sequence_dense": vectors, "text_sentence_dense": sentences}
    return {key: value for key, value in made.items() if value.shape[-1]}


def _token_vectors(tables: FeatureTables, examples: Examples) -> np.ndarray:
    """`[tokens, width]` float32: first what belongs to types, then what depends on the text."""
    vectors = tables.token_vectors[examples.token_types]
    if examples.context is None:
        return vectors
    return np.concatenate([vectors, examples.context.tokens], axis=1)


def _vector_ids(vectors: np.ndarray) -> np.ndarray:
    """`[tokens]` int64: equal for equal vectors, and different otherwise but for a rare accident.

    A hash, since the vectors of a language model are nearly all different: numbering those of the
    whole data set would take as long as reading it. Replicas find the same numbers.
    """
    bits = (vectors + 0.0).view(np.uint32)  # + 0 makes -0 equal to 0
    odd = np.random.default_rng(0).integers(1 << 63, size=bits.shape[1], dtype=np.uint64) * 2 + 1
    return (1 + ((bits * odd).sum(axis=1, dtype=np.uint64) >> np.uint64(2))).astype(np.int64)


def _sentence_rows(tables: FeatureTables, examples: Examples, token_rows: csr_matrix) -> csr_matrix:
    """`[examples, sentence_width]`: the sum of each example's token rows, and its extras."""
    tokens = len(examples.token_types)
    indptr = np.concatenate([[0], np.cumsum(examples.lengths)])
    summing = csr_matrix(
        (np.ones(tokens, np.float32), np.arange(tokens), indptr), shape=(len(examples), tokens)
    )
    summed = summing @ token_rows
    columns = tables.sentence_column[summed.indices]
    shape = (len(examples), tables.sentence_width)
    kept = columns >= 0
    starts = summed.indptr[:-1]
    counts = np.add.reduceat(np.append(kept, False), starts) if len(starts) else starts
    counts = np.where(np.diff(summed.indptr) > 0, counts, 0)
    sums = csr_matrix(
        (summed.data[kept], columns[kept], np.concatenate([[0], np.cumsum(counts)])), shape=shape
    )
    extra_indptr = np.concatenate([[0], np.cumsum(examples.extra_counts)])
    extra = csr_matrix((examples.extra_values, examples.extra_columns, extra_indptr), shape=shape)
    return sums + extra


def coordinates(matrix: csr_matrix, row_names: np.ndarray) -> np.ndarray:
    """`[values, 2]` int64: (the name of its row, its column) of every stored value, in order."""
    rows = np.repeat(row_names, np.diff(matrix.indptr))
    return np.stack([rows, matrix.indices], axis=1).astype(np.int64)

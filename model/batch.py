"""The seam between data and model: a batch is a flat dictionary of the tensors named here.

`B` is the number of rows this replica holds, `T` the number of token positions (the same on every
replica), `N`/`M` the number of stored values of the sparse sequence/sentence features.

| key | shape, dtype | meaning |
|---|---|---|
| `text_mask` | `[B, T]` float32 | 1 = a token, 0 = padding; the tokens of a row come first |
| `text_sequence_indices` | `[N, 2]` int64 | (`row * T + position`, column), sorted by the first |
| `text_sequence_values` | `[N]` float32 | the values at those places |
| `text_sentence_indices` | `[M, 2]` int64 | (`row`, feature column), sorted by the first |
| `text_sentence_values` | `[M]` float32 | the values at those places |
| `text_sequence_dense` | `[B, T, width]` float32 | dense features of the tokens, 0 at padding |
| `text_sentence_dense` | `[B, width]` float32 | dense features of the texts |
| `text_token_ids` | `[B, T]` int64 | equal where features are (dense ones if any); 0 = padding |
| `label_ids` | `[B]` int32 | index of the intent |
| `entity_tags`, `role_tags`, `group_tags` | `[B, T]` int32 | tag ids, 0 = outside or padding |
| `example_weights` | `[B]` float32 | 1 = an example, 0 = a row that only fills the batch |

Sparse features are given as coordinates and not as `tf.SparseTensor`, which does not split across
replicas. Rows of weight 0 hold no tokens and no features; the global batch has them last.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

Batch = Mapping[str, tf.Tensor]

TOKEN_ID_SPEC = {"text_token_ids": tf.TensorSpec([None, None], tf.int64)}
LABEL_SPEC = {"label_ids": tf.TensorSpec([None], tf.int32)}
WEIGHT_SPEC = {"example_weights": tf.TensorSpec([None], tf.float32)}


def tag_spec(head: str) -> dict[str, tf.TensorSpec]:
    """The tags of one head: `entity`, `role` or `group`."""
    return {f"{head}_tags": tf.TensorSpec([None, None], tf.int32)}


def check_batch(
    expected: Mapping[str, tf.TensorSpec], received: Mapping[str, tf.TensorSpec]
) -> None:
    """Raise `ValueError` naming every missing, unexpected or ill-typed key of `received`.

    Called once, when a run starts; `received` is a dataset's `element_spec`.
    """
    problems = [f"`{key}` is missing" for key in expected if key not in received]
    problems += [f"`{key}` is not known to the model" for key in received if key not in expected]
    for key in expected.keys() & received.keys():
        want, got = expected[key], received[key]
        if want.dtype != got.dtype or not want.shape.is_compatible_with(got.shape):
            problems.append(
                f"`{key}` should be {want.dtype.name} {want.shape}. "
                f"Received: {got.dtype.name} {got.shape}"
            )
    if problems:
        raise ValueError("The batches do not fit the model: " + "; ".join(sorted(problems)))

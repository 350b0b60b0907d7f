"""From example indices to the tensors of one replica's batch of dialogues, in numpy.

The turns of all examples lie end to end, without padding; the keys are those of TED's batch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from data_pipeline.batches import assemble, coordinates, padded_length
from data_pipeline.dataset import stream_batches
from data_pipeline.dialogue.dialogue_store import DialogueRows, DialogueStore, DialogueTables
from data_pipeline.dialogue.turns import NO_LABEL
from data_pipeline.sampling import PADDING, Plan

NOT_OF_DIALOGUES = ("label_ids", "example_weights", "text_token_ids")
"""What a batch of texts holds beside the texts themselves."""


def make_dialogue_dataset(
    store: DialogueStore,
    plan: Plan,
    signature: Mapping[str, tf.TensorSpec],
    context: tf.distribute.InputContext,
    *,
    first_step: int = 0,
) -> tf.data.Dataset:
    """The batches of `plan` from `first_step` on; see `data_pipeline.dataset.make_dataset`."""

    def assemble_rows(mine: np.ndarray, whole: np.ndarray) -> dict[str, np.ndarray]:
        positions = text_positions(store.tables, store.take(whole).states)
        return assemble_dialogues(store, mine, positions, every_turn="turn_weights" in signature)

    return stream_batches(assemble_rows, plan, signature, context, first_step=first_step)


def text_positions(tables: DialogueTables, states: np.ndarray) -> dict[str, int]:
    """Text attribute -> the token positions that the texts of these states need."""
    positions = {}
    for attribute, texts in tables.texts.items():
        values = tables.values(attribute, states)
        positions[attribute] = padded_length(texts.lengths[values[values >= 0]])
    return positions


def assemble_dialogues(
    store: DialogueStore,
    indices: np.ndarray,
    positions: Mapping[str, int],
    *,
    every_turn: bool = False,
) -> dict[str, np.ndarray]:
    """One replica's batch.

    Args:
        indices: `[rows]` int64, `PADDING` for rows that only fill the batch; those come last. Such
            a row has one turn, without any attribute.
        positions: text attribute -> token positions, from `text_positions` of the global batch.
        every_turn: labels and weights of all turns (full dialogues) rather than of examples.
    """
    rows = store.take(indices[indices != PADDING])
    padding = len(indices) - len(rows.lengths)
    weights = np.append(np.ones(len(rows.lengths), np.float32), np.zeros(padding, np.float32))
    batch = {
        "dialogue_lengths": np.append(rows.lengths, np.ones(padding, np.int32)),
        "example_weights": weights,
        **_labels(rows, padding, every_turn),
    }
    for attribute in store.tables.attributes:
        values = store.tables.values(attribute, rows.states)
        turns = np.flatnonzero(values >= 0)
        batch[f"{attribute}_turns"] = turns
        if attribute in store.tables.texts:
            texts = store.tables.texts[attribute]
            batch |= _texts(attribute, texts, values[turns], positions[attribute])
        else:
            features = store.tables.rows[attribute][values[turns]]
            batch[f"{attribute}_indices"] = coordinates(features, np.arange(len(turns)))
            batch[f"{attribute}_values"] = features.data
    if store.tables.tagged:
        batch |= _entity_tags(store.tables, rows, positions["text"], every_turn)
    return batch


def _labels(rows: DialogueRows, padding: int, every_turn: bool) -> dict[str, np.ndarray]:
    none = np.zeros(padding, np.int32)
    if not every_turn:
        return {"label_ids": np.append(rows.labels[np.cumsum(rows.lengths) - 1], none)}
    known = (rows.labels != NO_LABEL).astype(np.float32)
    return {
        "label_ids": np.append(np.maximum(rows.labels, 0), none),
        "turn_weights": np.append(known, np.zeros(padding, np.float32)),
    }


def _texts(attribute: str, texts, values: np.ndarray, positions: int) -> dict[str, np.ndarray]:
    """The tensors of texts, as DIET has them, under the name of the attribute."""
    made = assemble(texts, values.astype(np.int64), positions)
    return {
        attribute + key.removeprefix("text"): tensor
        for key, tensor in made.items()
        if key not in NOT_OF_DIALOGUES
    }


def _entity_tags(
    tables: DialogueTables, rows: DialogueRows, positions: int, every_turn: bool
) -> dict[str, np.ndarray]:
    """Tags of the texts that were said last: which rows of `text` these are, and their tags."""
    texts = tables.texts["text"]
    values = tables.values("text", rows.states)
    turns = np.flatnonzero(values >= 0)
    last = np.cumsum(rows.lengths) - 1
    chosen = np.arange(len(turns)) if every_turn else np.flatnonzero(np.isin(turns, last))
    tagged = values[turns[chosen]].astype(np.int64)
    made = assemble(texts, tagged, positions, ("entity",))
    return {"entity_turns": chosen, "entity_tags": made["entity_tags"]}

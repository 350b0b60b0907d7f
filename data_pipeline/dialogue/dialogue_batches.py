"""From example indices to the tensors of one replica's batch of dialogues, in numpy.

The turns of all examples lie end to end, without padding; the keys are those of TED's batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from data_pipeline.batches.assembly import assemble, coordinates, padded_length
from data_pipeline.batches.example_store import ExampleStore
from data_pipeline.batches.plans import PADDING
from data_pipeline.dialogue.dialogue_arrays import DialogueRows, DialogueTables

NOT_OF_DIALOGUES = ("label_ids", "example_weights", "text_token_ids")
"""What a batch of texts holds beside the texts themselves."""


class StoredDialogues(Protocol):
    """Where examples are taken from: a `DialogueStore`."""

    tables: DialogueTables
    full_dialogues: bool

    def take(self, indices: np.ndarray) -> DialogueRows: ...


def text_positions(tables: DialogueTables, states: np.ndarray) -> dict[str, int]:
    """Text attribute -> the token positions that the texts of these states need."""
    positions = {}
    for attribute, texts in tables.texts.items():
        values = tables.values(attribute, states)
        positions[attribute] = padded_length(texts.lengths[values[values >= 0]])
    return positions


def assemble_dialogues(
    store: StoredDialogues,
    indices: np.ndarray,
    positions: Mapping[str, int],
) -> dict[str, np.ndarray]:
    """One replica's batch.

    Args:
        indices: `[rows]` int64, `PADDING` for rows that only fill the batch; those come last. Such
            a row has one turn, without any attribute.
        positions: text attribute -> token positions, from `text_positions` of the global batch.
    """
    rows = store.take(indices[indices != PADDING])
    padding = len(indices) - len(rows.lengths)
    weights = np.append(np.ones(len(rows.lengths), np.float32), np.zeros(padding, np.float32))
    batch = {
        "dialogue_lengths": np.append(rows.lengths, np.ones(padding, np.int32)),
        "example_weights": weights,
        "label_ids": np.append(_labels(rows, store.full_dialogues), np.zeros(padding, np.int32)),
    }
    for attribute in store.tables.attributes:
        values = store.tables.values(attribute, rows.states)
        turns = np.flatnonzero(values >= 0)
        batch[f"{attribute}_turns"] = turns
        if attribute in store.tables.texts:
            texts = store.tables.texts[attribute]
            batch |= text_tensors(attribute, texts, values[turns], positions[attribute])
        else:
            features = store.tables.rows[attribute][values[turns]]
            batch[f"{attribute}_indices"] = coordinates(features, np.arange(len(turns)))
            batch[f"{attribute}_values"] = features.data
    if store.tables.tagged:
        batch |= _entity_tags(store.tables, rows, positions["text"], store.full_dialogues)
    return batch


def _labels(rows: DialogueRows, every_turn: bool) -> np.ndarray:
    """Those of all turns (full dialogues), or of the last turn of each example."""
    return rows.labels if every_turn else rows.labels[np.cumsum(rows.lengths) - 1]


def text_tensors(
    attribute: str, texts: ExampleStore, values: np.ndarray, positions: int
) -> dict[str, np.ndarray]:
    """The tensors of texts, as DIET has them, under the name of the attribute."""
    made = assemble(texts, values.astype(np.int64), positions)
    return renamed(attribute, {k: v for k, v in made.items() if k not in NOT_OF_DIALOGUES})


def renamed(attribute: str, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors of DIET's texts under the name of an attribute."""
    return {attribute + key.removeprefix("text"): tensor for key, tensor in tensors.items()}


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

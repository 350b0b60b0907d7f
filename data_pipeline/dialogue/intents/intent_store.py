"""All examples of prepared dialogues with the intents that follow them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from data_pipeline.batches.plans import PADDING
from data_pipeline.dialogue.dialogue_store import DialogueStore
from data_pipeline.dialogue.intents.intent_examples import NO_INTENT


class IntentStore:
    """What batches of the model of unexpected intents are made from. Implements `BatchSource`.

    Attributes:
        dialogues: What the model sees of each example.
        intent_ids: `[examples, most]` int32, filled up with `NO_INTENT`.
        labels: `[examples]` int32, what batches are balanced by: the intent of each example. Where
            an example has several, batches are not balanced, as in Rasa, and all labels are 0.
        lengths: `[examples]` int32, the turns of each.
    """

    def __init__(self, dialogues: DialogueStore, intent_ids: np.ndarray):
        self.dialogues = dialogues
        self.intent_ids = intent_ids
        one_each = intent_ids.shape[1] == 1
        self.labels = intent_ids[:, 0] if one_each else np.zeros(len(intent_ids), np.int32)
        self.lengths = dialogues.lengths

    def __len__(self) -> int:
        return len(self.intent_ids)

    def batch(
        self, mine: np.ndarray, whole: np.ndarray, keys: Collection[str]
    ) -> dict[str, np.ndarray]:
        """One replica's batch; see `data_pipeline.batches.dataset.BatchSource`."""
        ids = np.full([len(mine), self.intent_ids.shape[1]], NO_INTENT, np.int32)
        real = mine != PADDING
        ids[real] = self.intent_ids[mine[real]]
        return {**self.dialogues.batch(mine, whole, keys), "intent_ids": ids}

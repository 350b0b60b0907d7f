"""An exported model of unexpected intents that answers, by its SavedModel alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import Event
from data_pipeline.dialogue.intents.intent_questions import said_last
from data_pipeline.dialogue_graph.turns import request_of, turns_of_events
from trainer.signatures.exported_model import ExportedModel
from trainer.unexpected_intent.config import COMPONENT
from trainer.unexpected_intent.served import UNEXPECTED
from trainer.unexpected_intent.thresholds import candidate


class ExportedUnexpectedIntent:
    """Implements `Remarks`.

    Raises:
        InputError: it takes no turns of dialogues.
    """

    component: ClassVar[str] = COMPONENT

    def __init__(self, exported: ExportedModel) -> None:
        self._featurizer = DialogueFeaturizer.load(exported.extra)
        self._signature = exported.signature(UNEXPECTED, "intents")

    @property
    def domain(self) -> Domain:
        return self._featurizer.domain

    def remarks(self, dialogues: Sequence[Sequence[Event]]) -> list[dict[str, Any] | None]:
        """As `TrainedUnexpectedIntent.remarks`."""
        intents = [said_last(events, self._featurizer) for events in dialogues]
        turns = [turns_of_events(events, self.domain) for events in dialogues]
        outputs = self._signature(request_of(turns))
        return [
            _verdict(intent, {name: table[row] for name, table in outputs.items()})
            if intent
            else None
            for row, intent in enumerate(intents)
        ]


def _verdict(intent: str, of_this: Mapping[str, np.ndarray]) -> dict[str, Any]:
    names = (name.decode() for name in of_this["intent_names"])
    ranked = zip(names, of_this["intent_scores"], of_this["intent_thresholds"], strict=True)
    return {
        "unlikely": bool(of_this["unlikely"]),
        "query_intent": _candidate(intent, of_this["scores"], of_this["thresholds"]),
        "ranking": [_candidate(*intent_and_numbers) for intent_and_numbers in ranked],
    }


def _candidate(name: str, score: Any, threshold: Any) -> dict[str, Any]:
    return candidate(name, float(score), None if math.isnan(threshold) else float(threshold))

"""An exported model of unexpected intents that answers, by its SavedModel alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import Event
from data_pipeline.dialogue.intents.intent_questions import said_last
from data_pipeline.dialogue_graph.turns import request_of, turns_of_events
from trainer.signatures.exported_model import ExportedModel
from trainer.unexpected_intent.served import UNEXPECTED
from trainer.unexpected_intent.thresholds import candidate


class ExportedUnexpectedIntent:
    """Implements `Remarks`.

    Raises:
        InputError: it takes no turns of dialogues.
    """

    def __init__(self, exported: ExportedModel) -> None:
        self._featurizer = DialogueFeaturizer.load(exported.extra)
        self._signature = exported.signature(UNEXPECTED, "intents")

    @property
    def domain(self) -> Domain:
        return self._featurizer.domain

    def remark(self, events: Sequence[Event]) -> dict[str, Any] | None:
        """As `TrainedUnexpectedIntent.remark`."""
        intent = said_last(events, self._featurizer)
        if intent is None:
            return None
        outputs = self._signature(request_of([turns_of_events(events, self.domain)]))
        of_this = {name: table[0] for name, table in outputs.items()}
        ranked = zip(
            of_this["intent_names"],
            of_this["intent_scores"],
            of_this["intent_thresholds"],
            strict=True,
        )
        return {
            "unlikely": bool(of_this["unlikely"]),
            "query_intent": _candidate(intent, of_this["scores"], of_this["thresholds"]),
            "ranking": [_candidate(name.decode(), *numbers) for name, *numbers in ranked],
        }


def _candidate(name: str, score: float, threshold: float) -> dict[str, Any]:
    return candidate(name, float(score), None if math.isnan(threshold) else float(threshold))

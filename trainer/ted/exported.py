"""An exported TED that answers, by its SavedModel alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from data_pipeline.dialogue.dialogue_featurizer import DialogueFeaturizer
from data_pipeline.dialogue.domain.events import Event
from data_pipeline.dialogue_graph.turns import request_of, turns_of_events
from trainer.signatures.exported_model import ExportedModel
from trainer.ted.config import COMPONENT
from trainer.ted.served import NEXT_ACTION


class ExportedTED:
    """Implements `RanksActions`.

    Raises:
        InputError: it takes no turns of dialogues.
    """

    component: ClassVar[str] = COMPONENT

    def __init__(self, exported: ExportedModel) -> None:
        self.domain = DialogueFeaturizer.load(exported.extra).domain
        self._signature = exported.signature(NEXT_ACTION, "intents")

    def next_actions(self, dialogues: Sequence[Sequence[Event]]) -> list[list[dict[str, Any]]]:
        """As `TrainedTED.next_actions`."""
        turns = [turns_of_events(events, self.domain) for events in dialogues]
        outputs = self._signature(request_of(turns))
        return [
            [
                {"name": name.decode(), "confidence": float(confidence)}
                for name, confidence in zip(names, confidences, strict=True)
            ]
            for names, confidences in zip(
                outputs["action_names"], outputs["action_confidences"], strict=True
            )
        ]

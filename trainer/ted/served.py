"""What an exported TED offers: the next action of dialogues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from data_pipeline.dialogue.domain.events import LISTEN, Event
from data_pipeline.dialogue_graph.turns import Turn, request_of, turns_of_events
from trainer.dialogues.served_dialogues import AskedDialogues, served_dialogues
from trainer.signatures.elsewhere import Question, Tensors
from trainer.signatures.served_model import ServedModel
from trainer.signatures.verify import Check
from trainer.ted.action_signature import AnswerDialogues
from trainer.ted.trained import TrainedTED

NEXT_ACTION = "next_action"


def served_ted(run: TrainedTED) -> ServedModel:
    """Its signatures: `features`, and `next_action` (also by default); see `served_dialogues`."""
    return served_dialogues(
        AskedDialogues(
            run.model,
            run.featurizer,
            run.max_history,
            NEXT_ACTION,
            lambda features: AnswerDialogues(run, features),
            [Turn(LISTEN.label, intent="greet")],
            lambda dialogues: _check(run, dialogues),
        )
    )


def _check(run: TrainedTED, dialogues: Sequence[list[Event]]) -> Check:
    request = request_of([turns_of_events(events, run.featurizer.domain) for events in dialogues])
    return Check(
        "dialogues made up from the domain",
        len(dialogues),
        Question(NEXT_ACTION, request),
        lambda outputs: _differences([run.next_action(e) for e in dialogues], outputs),
    )


def _differences(
    rankings: Sequence[list[dict[str, Any]]], outputs: Tensors
) -> Iterator[tuple[str, float]]:
    for number, ranking in enumerate(rankings):
        names = [name.decode() for name in outputs["action_names"][number]]
        sure = outputs["action_confidences"][number]
        found = dict(zip(names, sure.tolist(), strict=True))
        # Actions that are equally likely, but for that much, may have changed places.
        gaps = [abs(a["confidence"] - sure[place]) for place, a in enumerate(ranking)]
        gaps += [abs(a["confidence"] - found.get(a["name"], sure[-1])) for a in ranking]
        yield f"dialogue {number}", max(gaps) if len(names) == len(ranking) else np.inf

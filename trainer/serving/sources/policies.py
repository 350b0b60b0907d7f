"""Which policy decides what follows a dialogue: the one that ranks actions, or one that objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.events import Event
from data_pipeline.dialogue.trackers.turns import UNLIKELY_INTENT
from trainer.roles import RanksActions, Remarks
from trainer.serving.answering import Dialogues, Prediction


def ensemble(acting: RanksActions, remarking: Sequence[Remarks]) -> Dialogues:
    """Dialogues in, predictions out.

    Where the user was not to be expected to say that, `action_unlikely_intent` is certain; else the
    policy that ranks actions decides. Mirrors `DefaultPolicyPredictionEnsemble` for TED and
    `UnexpecTEDIntentPolicy`, which has the higher priority.
    """

    def predict(dialogues: Sequence[Sequence[Event]]) -> list[Prediction]:
        rankings = acting.next_actions(dialogues)
        predictions = [Prediction(acting.component, ranking) for ranking in rankings]
        for model in remarking:
            for row, remark in enumerate(model.remarks(dialogues)):
                if remark and remark["unlikely"]:
                    predictions[row] = _unlikely(model.component, remark, acting.domain)
        return predictions

    return predict


def _unlikely(policy: str, remark: dict[str, Any], domain: Domain) -> Prediction:
    others = [action for action in domain.actions if action != UNLIKELY_INTENT]
    ranking = [{"name": UNLIKELY_INTENT, "confidence": 1.0}]
    ranking += [{"name": action, "confidence": 0.0} for action in others]
    metadata = {name: value for name, value in remark.items() if name != "unlikely"}
    return Prediction(policy, ranking, metadata)

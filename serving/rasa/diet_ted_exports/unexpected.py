"""An exported UnexpecTED in the place of `UnexpecTEDIntentPolicy`."""

from __future__ import annotations

import math
from typing import Any, Dict, Optional

import numpy as np
from rasa.core.constants import UNLIKELY_INTENT_POLICY_PRIORITY
from rasa.core.policies.policy import PolicyPrediction
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.core.constants import ACTION_UNLIKELY_INTENT_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from diet_ted_exports.exported_policy import ExportedPolicy
from diet_ted_exports.exports import Kind
from diet_ted_exports.told_slots import states_of
from diet_ted_exports.turns import request_of


@DefaultV1Recipe.register(
    DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=True
)
class ExportedUnexpecTEDIntentPolicy(ExportedPolicy):
    """Whether the user was to be expected to say that, by an exported UnexpecTED.

    Thresholds, `tolerance` and `ignore_intents_list` are built into the export.
    """

    kind = Kind("unexpected_intent", "unexpected_intent", takes="turns of dialogues")
    default_priority = UNLIKELY_INTENT_POLICY_PRIORITY

    def predict_action_probabilities(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        rule_only_data: Optional[Dict[str, Any]] = None,
        **kwargs: Any,
    ) -> PolicyPrediction:
        """`action_unlikely_intent`, or nothing; with the scores of intents as metadata."""
        assert self._model is not None, "Rasa loads what it asks"
        probabilities = self._default_predictions(domain)
        intent = _just_said(tracker)
        if intent is None or intent not in domain.intents:
            return self._prediction(probabilities)
        outputs = self._model(request_of(states_of(tracker, domain, rule_only_data)))
        judged = {name: table[0] for name, table in outputs.items()}
        if judged["unlikely"]:
            probabilities[domain.index_for_action(ACTION_UNLIKELY_INTENT_NAME)] = 1.0
        return self._prediction(probabilities, action_metadata=_metadata(intent, judged))


def _just_said(tracker: DialogueStateTracker) -> Optional[str]:
    """The user's intent, unless the bot has done something since."""
    for event in reversed(tracker.applied_events()):
        if isinstance(event, ActionExecuted):
            return None
        if isinstance(event, UserUttered):
            return event.intent_name
    return None


def _metadata(intent: str, judged: Dict[str, Any]) -> Dict[str, Any]:
    """As `UnexpecTEDIntentPolicyMetadata` has it."""
    names = [name.decode() for name in judged["intent_names"]]
    ranked = zip(names, judged["intent_scores"], judged["intent_thresholds"])
    return {
        "query_intent": _candidate(intent, judged["scores"], judged["thresholds"]),
        "ranking": [_candidate(*candidate) for candidate in ranked],
    }


def _candidate(name: str, score: np.ndarray, threshold: np.ndarray) -> Dict[str, Any]:
    known = not math.isnan(threshold)
    return {
        "name": name,
        "score": float(score),
        "threshold": float(threshold) if known else None,
        "severity": float(threshold - score) if known else None,
    }

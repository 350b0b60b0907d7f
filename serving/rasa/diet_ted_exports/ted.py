"""An exported TED in the place of `TEDPolicy`."""

from __future__ import annotations

from typing import Any, Dict, Optional

from rasa.core.constants import DEFAULT_POLICY_PRIORITY
from rasa.core.policies.policy import PolicyPrediction
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

from diet_ted_exports.exported_policy import ExportedPolicy
from diet_ted_exports.exports import Kind
from diet_ted_exports.told_slots import states_of
from diet_ted_exports.turns import request_of


@DefaultV1Recipe.register(
    # Texts are featurized in the exported graph, so Rasa does not have to do it.
    DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT,
    is_trainable=True,
)
class ExportedTEDPolicy(ExportedPolicy):
    """The next action of a dialogue, by an exported TED. How far it looks back is built in."""

    kind = Kind("ted", "next_action", takes="turns of dialogues", gives=("by_text",))
    default_priority = DEFAULT_POLICY_PRIORITY

    def predict_action_probabilities(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        rule_only_data: Optional[Dict[str, Any]] = None,
        **kwargs: Any,
    ) -> PolicyPrediction:
        """The confidences of all actions, in the domain's order; 0 of those that are not ranked."""
        assert self._model is not None, "Rasa loads what it asks"
        outputs = self._model(request_of(states_of(tracker, domain, rule_only_data)))
        probabilities = self._default_predictions(domain)
        for name, confidence in zip(outputs["action_names"][0], outputs["action_confidences"][0]):
            probabilities[domain.index_for_action(name.decode())] = float(confidence)
        return self._prediction(probabilities, is_end_to_end_prediction=bool(outputs["by_text"][0]))

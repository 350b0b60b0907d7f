"""An exported TED in the place of `TEDPolicy`."""

from __future__ import annotations

from typing import Any, Dict, Optional

from rasa.core.constants import DEFAULT_POLICY_PRIORITY, POLICY_PRIORITY
from rasa.core.policies.policy import Policy, PolicyPrediction
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

from diet_ted_exports import packed_model
from diet_ted_exports.domains import check_domain
from diet_ted_exports.exports import Kind
from diet_ted_exports.packed_model import PackedModel
from diet_ted_exports.told_slots import states_of
from diet_ted_exports.turns import request_of

KIND = Kind("ted", "next_action", takes="turns of dialogues", gives=("by_text",))


@DefaultV1Recipe.register(
    # Texts are featurized in the exported graph, so Rasa does not have to do it.
    DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT,
    is_trainable=True,
)
class ExportedTEDPolicy(Policy):
    """The next action of a dialogue, by an exported TED. How far it looks back is built in."""

    def __init__(
        self,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        model: Optional[PackedModel] = None,
    ) -> None:
        """Without a model it can be trained alone."""
        super().__init__(config, model_storage, resource, execution_context)
        self._model = model

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """`model`: the folder of the export, with numbered versions or one of them."""
        return {packed_model.MODEL: None, POLICY_PRIORITY: DEFAULT_POLICY_PRIORITY}

    @classmethod
    def fingerprint_addon(cls, config: Dict[str, Any]) -> Optional[str]:
        """Another export is packed anew."""
        return packed_model.fingerprint(config, KIND)

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ExportedTEDPolicy:
        """One that answers."""
        model = packed_model.unpacked(model_storage, resource, KIND)
        return cls(config, model_storage, resource, execution_context, model)

    def train(self, domain: Domain, **kwargs: Any) -> Resource:
        """Pack the export, if it is one of this domain. Stories are not looked at."""
        export = packed_model.given_export(self.config, self.get_default_config(), KIND)
        check_domain(export, domain)
        packed_model.pack(export, self._model_storage, self._resource)
        return self._resource

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

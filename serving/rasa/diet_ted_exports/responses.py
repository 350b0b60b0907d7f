"""An exported response selector in the place of `ResponseSelector`."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.constants import (
    RESPONSE_SELECTOR_DEFAULT_INTENT,
    RESPONSE_SELECTOR_PREDICTION_KEY,
    RESPONSE_SELECTOR_PROPERTY_NAME,
    RESPONSE_SELECTOR_RANKING_KEY,
    RESPONSE_SELECTOR_RESPONSES_KEY,
    RESPONSE_SELECTOR_RETRIEVAL_INTENTS,
    RESPONSE_SELECTOR_UTTER_ACTION_KEY,
)
from rasa.shared.nlu.constants import INTENT_RESPONSE_KEY, PREDICTED_CONFIDENCE_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.nlu.training_data.util import intent_response_key_to_template_key

from diet_ted_exports import packed_model
from diet_ted_exports.answers import ranking
from diet_ted_exports.exports import Kind
from diet_ted_exports.packed_model import PackedModel

KIND = Kind("response_selector", "serving_default", takes="raw text")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class ExportedResponseSelector(GraphComponent, IntentClassifier):
    """The response to a message, by an exported response selector, from the message's text.

    The retrieval intent is the export's; the texts of responses are the Rasa project's.
    """

    def __init__(
        self,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model: Optional[PackedModel] = None,
    ) -> None:
        """Without a model it can be trained alone."""
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._model = model

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """`model`: the folder of the export, with numbered versions or one of them."""
        return {packed_model.MODEL: None}

    @classmethod
    def fingerprint_addon(cls, config: Dict[str, Any]) -> Optional[str]:
        """Another export is packed anew."""
        return packed_model.fingerprint(config, KIND)

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ExportedResponseSelector:
        """One that can be trained."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ExportedResponseSelector:
        """One that answers."""
        model = packed_model.unpacked(model_storage, resource, KIND)
        return cls(config, model_storage, resource, model)

    def train(self, training_data: TrainingData) -> Resource:
        """Pack the export, with the responses that there are."""
        export = packed_model.given_export(self._config, self.get_default_config(), KIND)
        options = export.card["config"][KIND.model]
        facts = {
            "retrieval_intent": options["retrieval_intent"] or RESPONSE_SELECTOR_DEFAULT_INTENT,
            "retrieval_intents": sorted(training_data.retrieval_intents),
            "responses": training_data.responses,
        }
        packed_model.pack(export, self._model_storage, self._resource, facts)
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:
        """Add to `response_selector` what this selector says."""
        assert self._model is not None, "Rasa loads what it asks"
        texts = [(message.get(TEXT) or "").encode() for message in messages]
        outputs = self._model({"text": np.array(texts, object)})
        facts = self._model.facts
        for row, message in enumerate(messages):
            selected = dict(message.get(RESPONSE_SELECTOR_PROPERTY_NAME, {}))
            selected[RESPONSE_SELECTOR_RETRIEVAL_INTENTS] = facts["retrieval_intents"]
            ranked = ranking(outputs, row, "response", INTENT_RESPONSE_KEY)
            selected[facts["retrieval_intent"]] = _selection(ranked, facts["responses"])
            message.set(RESPONSE_SELECTOR_PROPERTY_NAME, selected, add_to_output=True)
        return messages


def _selection(
    ranked: List[Dict[str, Any]], responses: Dict[str, List[Dict[str, Any]]]
) -> Dict[str, Any]:
    """As `ResponseSelector.process` has it; a response without a text is said by its key."""
    best = ranked[0] if ranked else {INTENT_RESPONSE_KEY: None, PREDICTED_CONFIDENCE_KEY: 0.0}
    key = best[INTENT_RESPONSE_KEY]
    action = intent_response_key_to_template_key(key)
    return {
        RESPONSE_SELECTOR_PREDICTION_KEY: {
            RESPONSE_SELECTOR_RESPONSES_KEY: responses.get(action) or (key and [{TEXT: key}]),
            PREDICTED_CONFIDENCE_KEY: best[PREDICTED_CONFIDENCE_KEY],
            INTENT_RESPONSE_KEY: key,
            RESPONSE_SELECTOR_UTTER_ACTION_KEY: action,
        },
        RESPONSE_SELECTOR_RANKING_KEY: ranked,
    }

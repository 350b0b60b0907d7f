"""An exported response selector in the place of `ResponseSelector`."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
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

from diet_ted_exports.answers import ranking
from diet_ted_exports.exported_message_model import ExportedMessageModel
from diet_ted_exports.exports import Export, Kind


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class ExportedResponseSelector(ExportedMessageModel, IntentClassifier):
    """The response to a message, by an exported response selector, from the message's text.

    The retrieval intent is the export's; the texts of responses are the Rasa project's.
    """

    kind = Kind("response_selector", "serving_default", takes="raw text")

    def _facts(self, export: Export, training_data: TrainingData) -> Mapping[str, Any]:
        """The retrieval intent, and the responses that there are."""
        options = export.card["config"][self.kind.model]
        return {
            "retrieval_intent": options["retrieval_intent"] or RESPONSE_SELECTOR_DEFAULT_INTENT,
            "retrieval_intents": sorted(training_data.retrieval_intents),
            "responses": training_data.responses,
        }

    def process(self, messages: List[Message]) -> List[Message]:
        """Add to `response_selector` what this selector says."""
        outputs = self._asked(messages)
        facts = self._packed.facts
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

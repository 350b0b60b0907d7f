"""An exported DIET in the place of `DIETClassifier`."""

from __future__ import annotations

from typing import List

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.nlu.constants import ENTITIES, INTENT
from rasa.shared.nlu.training_data.message import Message

from diet_ted_exports.answers import entities, ranking
from diet_ted_exports.exported_message_model import ExportedMessageModel
from diet_ted_exports.exports import Kind

ComponentType = DefaultV1Recipe.ComponentType


@DefaultV1Recipe.register(
    [ComponentType.INTENT_CLASSIFIER, ComponentType.ENTITY_EXTRACTOR], is_trainable=True
)
class ExportedDIETClassifier(ExportedMessageModel, IntentClassifier, EntityExtractorMixin):
    """Intent and entities of a message, by an exported DIET, from the message's text.

    It needs no features. The tokens of a pipeline's tokenizer are for what follows: policies, other
    extractors and `rasa test`.
    """

    kind = Kind("diet", "serving_default", takes="raw text")

    @classmethod
    def required_components(cls) -> List[type]:
        """A tokenizer, without which `rasa test` cannot say which words are entities."""
        return [Tokenizer]

    def process(self, messages: List[Message]) -> List[Message]:
        """Add `intent`, `intent_ranking` and `entities`, as far as the model knows them."""
        outputs = self._asked(messages)
        for row, message in enumerate(messages):
            if "intent_counts" in outputs:
                intents = ranking(outputs, row, "intent", "name")
                best = intents[0] if intents else {"name": None, "confidence": 0.0}
                message.set(INTENT, dict(best), add_to_output=True)
                message.set("intent_ranking", intents, add_to_output=True)
            if "entity_counts" in outputs:
                found = message.get(ENTITIES, []) + entities(outputs, row)
                message.set(ENTITIES, found, add_to_output=True)
        return messages

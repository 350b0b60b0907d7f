"""An exported DIET in the place of `DIETClassifier`."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from diet_ted_exports import packed_model
from diet_ted_exports.answers import entities, ranking
from diet_ted_exports.exports import Kind
from diet_ted_exports.packed_model import PackedModel

KIND = Kind("diet", "serving_default", takes="raw text")
ComponentType = DefaultV1Recipe.ComponentType


@DefaultV1Recipe.register(
    [ComponentType.INTENT_CLASSIFIER, ComponentType.ENTITY_EXTRACTOR], is_trainable=True
)
class ExportedDIETClassifier(GraphComponent, IntentClassifier, EntityExtractorMixin):
    """Intent and entities of a message, by an exported DIET, from the message's text.

    It needs no features. The tokens of a pipeline's tokenizer are for what follows: policies, other
    extractors and `rasa test`.
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

    @classmethod
    def required_components(cls) -> List[type]:
        """A tokenizer, without which `rasa test` cannot say which words are entities."""
        return [Tokenizer]

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
    ) -> ExportedDIETClassifier:
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
    ) -> ExportedDIETClassifier:
        """One that answers."""
        model = packed_model.unpacked(model_storage, resource, KIND)
        return cls(config, model_storage, resource, model)

    def train(self, training_data: TrainingData) -> Resource:
        """Pack the export."""
        export = packed_model.given_export(self._config, self.get_default_config(), KIND)
        packed_model.pack(export, self._model_storage, self._resource)
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:
        """Add `intent`, `intent_ranking` and `entities`, as far as the model knows them."""
        assert self._model is not None, "Rasa loads what it asks"
        texts = [(message.get(TEXT) or "").encode() for message in messages]
        outputs = self._model({"text": np.array(texts, object)})
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

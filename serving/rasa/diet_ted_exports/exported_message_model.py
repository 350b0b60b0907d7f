"""What exported models of messages have in common: how they are packed, loaded and asked."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, List, Mapping, Optional

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from diet_ted_exports import packed_model
from diet_ted_exports.answers import Tensors
from diet_ted_exports.exports import Export, Kind
from diet_ted_exports.packed_model import PackedModel


class ExportedMessageModel(GraphComponent):
    """A component that answers texts with an export of its kind.

    Attributes:
        kind: which exports it takes.
    """

    kind: ClassVar[Kind]

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
        return packed_model.fingerprint(config, cls.kind)

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ExportedMessageModel:
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
    ) -> ExportedMessageModel:
        """One that answers."""
        model = packed_model.unpacked(model_storage, resource, cls.kind)
        return cls(config, model_storage, resource, model)

    def train(self, training_data: TrainingData) -> Resource:
        """Pack the export, and what of Rasa's training data it answers with."""
        export = packed_model.given_export(self._config, self.get_default_config(), self.kind)
        facts = self._facts(export, training_data)
        packed_model.pack(export, self._model_storage, self._resource, facts)
        return self._resource

    def _facts(self, export: Export, training_data: TrainingData) -> Mapping[str, Any]:
        """What is packed beside the export; nothing, unless a model says otherwise."""
        return {}

    @property
    def _packed(self) -> PackedModel:
        assert self._model is not None, "Rasa loads what it asks"
        return self._model

    def _asked(self, messages: List[Message]) -> Tensors:
        """What the signature gives of the messages' texts, a row each."""
        texts = [(message.get(TEXT) or "").encode() for message in messages]
        return self._packed({"text": np.array(texts, object)})

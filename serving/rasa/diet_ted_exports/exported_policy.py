"""What exported policies have in common: how they are packed and loaded."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, Optional

from rasa.core.constants import POLICY_PRIORITY
from rasa.core.policies.policy import Policy
from rasa.engine.graph import ExecutionContext
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.domain import Domain

from diet_ted_exports import packed_model
from diet_ted_exports.domains import check_domain
from diet_ted_exports.exports import Kind
from diet_ted_exports.packed_model import PackedModel


class ExportedPolicy(Policy):
    """A policy that answers with an export of its kind.

    Attributes:
        kind: which exports it takes.
        default_priority: among the policies of Rasa.
    """

    kind: ClassVar[Kind]
    default_priority: ClassVar[int]

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

    @classmethod
    def get_default_config(cls) -> Dict[str, Any]:
        """`model`: the folder of the export, with numbered versions or one of them."""
        return {packed_model.MODEL: None, POLICY_PRIORITY: cls.default_priority}

    @classmethod
    def fingerprint_addon(cls, config: Dict[str, Any]) -> Optional[str]:
        """Another export is packed anew."""
        return packed_model.fingerprint(config, cls.kind)

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ExportedPolicy:
        """One that answers."""
        model = packed_model.unpacked(model_storage, resource, cls.kind)
        return cls(config, model_storage, resource, execution_context, model)

    def train(self, domain: Domain, **kwargs: Any) -> Resource:
        """Pack the export, if it is one of this domain. Stories are not looked at."""
        export = packed_model.given_export(self.config, self.get_default_config(), self.kind)
        check_domain(export, domain)
        packed_model.pack(export, self._model_storage, self._resource)
        return self._resource

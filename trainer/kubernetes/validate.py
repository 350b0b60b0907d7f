"""Checks a job before it is sent, so that nothing is refused, or silently dropped, on the way.

| what | by | where |
|---|---|---|
| the operator's own rules | `operator_rules` | always |
| pod templates | `kubernetes-validate` (Kubernetes' schemas), strict | with the extra installed |
| the job | the cluster's definition of `MPIJob`, strict | before sending |
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from data_pipeline.errors import InputError
from trainer.kubernetes.operator_rules import REPLICAS, operator_errors, value_at

logger = logging.getLogger(__name__)

METADATA_SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
"""A definition leaves `metadata` to the server; this is what we write of it."""


def check_offline(job: Mapping[str, Any]) -> None:
    """Everything that can be said about a job without a cluster.

    Raises:
        InputError: the operator or the server would refuse it; names every field found.
    """
    errors = operator_errors(job)
    if not errors:  # else there may be no templates to look at
        errors = pod_template_errors(job)
    _refuse(errors, "The job would be refused")


def pod_template_errors(job: Mapping[str, Any]) -> list[str]:
    """What is wrong with the pod templates, at most one error each."""
    try:
        import kubernetes_validate
    except ImportError:
        logger.warning(
            "The pod templates were not checked: kubernetes-validate is not installed "
            "(pip install 'diet-ted-trainer[kubernetes]')."
        )
        return []
    errors = []
    for role in value_at(job, REPLICAS) or {}:
        path = f"{REPLICAS}.{role}.template"
        template = value_at(job, path) or {}
        metadata = {"name": "pod", **(template.get("metadata") or {})}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        try:
            kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)
        except kubernetes_validate.ValidationError as error:
            errors.append(f"{path}.{_dotted(error.path)}: {error.message}")
    return errors


def check_against_definition(job: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    """Apply the cluster's CustomResourceDefinition, and refuse fields it does not know.

    The server itself would drop them without a word.

    Raises:
        InputError: the job does not fit; names every field.
    """
    import jsonschema

    version = job["apiVersion"].partition("/")[2]
    served = [v for v in definition["spec"]["versions"] if v["served"]]
    schemas = {v["name"]: v["schema"]["openAPIV3Schema"] for v in served}
    if version not in schemas:
        raise InputError(
            f"The cluster serves {definition['metadata']['name']} in {', '.join(schemas)}, but "
            f"{version} is needed: install mpi-operator 0.8 or newer."
        )
    schema = copy.deepcopy(schemas[version])
    schema["properties"]["metadata"] = copy.deepcopy(METADATA_SCHEMA)
    validator = jsonschema.Draft202012Validator(_strict(schema))
    found = sorted(validator.iter_errors(job), key=lambda error: list(map(str, error.path)))
    errors = [f"{_dotted(error.path) or 'the job'}: {error.message}" for error in found]
    _refuse(errors, "The job does not fit the cluster's definition of MPIJob")


def _strict(schema: Any) -> Any:
    """Refuse unknown fields unless the schema says that any may come; changes `schema`."""
    if not isinstance(schema, dict):
        return schema
    for child in schema.get("properties", {}).values():
        _strict(child)
    for key in ("items", "additionalProperties"):
        _strict(schema.get(key))
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields")
    if "properties" in schema and "additionalProperties" not in schema and not open_ended:
        schema["additionalProperties"] = False
    return schema


def _dotted(path: Iterable[str | int]) -> str:
    """As Kubernetes writes it: `spec.containers[0].image`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def _refuse(errors: list[str], what: str) -> None:
    if errors:
        raise InputError(f"{what}: {'; '.join(errors)}")

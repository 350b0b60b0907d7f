"""What mpi-operator 0.8 demands of a job beyond the schema that the server applies.

The server creates a job that breaks these rules; the operator then only emits an Event and does
nothing, so a job must be checked before it is sent. (Mirrors `ValidateMPIJob` of the operator.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LABEL_LENGTH = 63
CHOICES = {
    "spec.launcherCreationPolicy": ("AtStartup", "WaitForWorkersReady"),
    "spec.mpiImplementation": ("OpenMPI", "Intel", "MPICH"),
    "spec.runPolicy.cleanPodPolicy": ("None", "Running", "All"),
    "spec.runPolicy.managedBy": ("kubeflow.org/mpi-operator", "kueue.x-k8s.io/multikueue"),
}
NOT_NEGATIVE = (
    "spec.slotsPerWorker",
    "spec.runPolicy.backoffLimit",
    "spec.runPolicy.ttlSecondsAfterFinished",
    "spec.runPolicy.activeDeadlineSeconds",
)
RESTART_POLICIES = ("Never", "OnFailure")
REPLICAS = "spec.mpiReplicaSpecs"


def operator_errors(job: Mapping[str, Any]) -> list[str]:
    """What the operator would refuse, each with the field's path; empty = nothing."""
    return [
        *_name_errors(job),
        *_choice_errors(job),
        *_number_errors(job),
        *_replica_errors(job),
    ]


def value_at(manifest: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None where there is none."""
    value: Any = manifest
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _name_errors(job: Mapping[str, Any]) -> Iterator[str]:
    name = value_at(job, "metadata.name")
    workers = value_at(job, f"{REPLICAS}.Worker.replicas")
    last = max(workers - 1, 0) if isinstance(workers, int) else 0
    longest = f"{name}-worker-{last}"
    if not isinstance(name, str) or not LABEL.fullmatch(longest) or len(longest) > LABEL_LENGTH:
        yield (
            "metadata.name: must be lower-case letters, digits and '-', begin with a letter, and "
            f"leave room in the {LABEL_LENGTH} characters of {longest!r}, the name of the last "
            f"worker. Received: {name!r}"
        )


def _choice_errors(job: Mapping[str, Any]) -> Iterator[str]:
    for path, allowed in CHOICES.items():
        value = value_at(job, path)
        if value is not None and value not in allowed:
            yield f"{path}: must be one of {', '.join(allowed)}. Received: {value!r}"


def _number_errors(job: Mapping[str, Any]) -> Iterator[str]:
    for path in NOT_NEGATIVE:
        value = value_at(job, path)
        if isinstance(value, int) and value < 0:
            yield f"{path}: must not be negative. Received: {value}"


def _replica_errors(job: Mapping[str, Any]) -> Iterator[str]:
    launchers = value_at(job, f"{REPLICAS}.Launcher.replicas")
    if value_at(job, f"{REPLICAS}.Launcher") is None:
        yield f"{REPLICAS}.Launcher: is missing"
    elif launchers not in (None, 1):
        yield f"{REPLICAS}.Launcher.replicas: must be 1. Received: {launchers!r}"
    workers = value_at(job, f"{REPLICAS}.Worker.replicas")
    if value_at(job, f"{REPLICAS}.Worker") is None:
        yield f"{REPLICAS}.Worker: is missing"
    # Not given counts as none.
    elif not isinstance(workers, int) or workers < 1:
        yield f"{REPLICAS}.Worker.replicas: must be at least 1. Received: {workers!r}"
    for role, replica in (value_at(job, REPLICAS) or {}).items():
        policy = value_at(replica, "restartPolicy")
        if policy is not None and policy not in RESTART_POLICIES:
            yield (
                f"{REPLICAS}.{role}.restartPolicy: must be one of {', '.join(RESTART_POLICIES)}. "
                f"Received: {policy!r}"
            )
        if not value_at(replica, "template.spec.containers"):
            yield f"{REPLICAS}.{role}.template.spec.containers: must have at least one container"

"""From options to the `MPIJob` (kubeflow.org/v2beta1, mpi-operator 0.8) that a cluster is given."""

from __future__ import annotations

from typing import Any

import yaml

from trainer.kubernetes.job_options import JobOptions
from trainer.kubernetes.pods import SSH_DIRECTORY, launcher_pod, worker_pod

GROUP = "kubeflow.org"
VERSION = "v2beta1"
KIND = "MPIJob"
PLURAL = "mpijobs"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"


def render_job(options: JobOptions) -> dict[str, Any]:
    """The job as plain maps and lists; needs no cluster and no cluster library."""
    metadata: dict[str, Any] = {
        "name": options.name,
        "labels": {"app.kubernetes.io/name": "diet-ted-trainer"},
    }
    if options.namespace:
        metadata["namespace"] = options.namespace
    if options.queue:
        metadata["labels"][QUEUE_LABEL] = options.queue
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": metadata,
        "spec": {
            "slotsPerWorker": options.slots,
            "mpiImplementation": "OpenMPI",
            "sshAuthMountPath": SSH_DIRECTORY,
            # Not to wait for all is the point of an elastic job.
            "launcherCreationPolicy": "AtStartup" if options.elastic else "WaitForWorkersReady",
            "runPolicy": _run_policy(options),
            "mpiReplicaSpecs": {
                "Launcher": {
                    "replicas": 1,
                    # A new pod for each attempt, so that the log of a failed one stays.
                    "restartPolicy": "Never",
                    "template": launcher_pod(options),
                },
                "Worker": {
                    "replicas": options.workers,
                    "restartPolicy": "OnFailure",
                    "template": worker_pod(options),
                },
            },
        },
    }


def _run_policy(options: JobOptions) -> dict[str, Any]:
    policy: dict[str, Any] = {"cleanPodPolicy": "Running", "backoffLimit": options.backoff_limit}
    if options.ttl_seconds is not None:
        policy["ttlSecondsAfterFinished"] = options.ttl_seconds
    if options.deadline_seconds is not None:
        policy["activeDeadlineSeconds"] = options.deadline_seconds
    if options.elastic:
        policy["schedulingPolicy"] = {"minAvailable": options.min_workers}
    return policy


def to_yaml(manifest: dict[str, Any]) -> str:
    """The manifest as `kubectl apply -f -` takes it."""
    return yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True)

"""Talks to a Kubernetes API server about one kind of object, the MPIJob, and what belongs to it."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from data_pipeline.errors import InputError
from trainer.kubernetes.render import GROUP, PLURAL, VERSION
from trainer.kubernetes.validate import check_against_definition

logger = logging.getLogger(__name__)

DEFINITION = f"{PLURAL}.{GROUP}"
TIMEOUT_SECONDS = (5, 30)
"""To connect, and between two pieces of an answer."""
SILENCE_SECONDS = 60
"""A log without a line for so long is asked for again: its connection may be dead."""
INSTALL = "kubectl apply --server-side -f <deploy/v2beta1/mpi-operator.yaml of mpi-operator 0.8>"


class Unreachable(InputError):
    """The server does not answer, or says that it cannot at the moment."""


class NotFound(InputError):
    """There is no such job."""


class Cluster:
    """The jobs of one namespace.

    Every method raises `InputError` when the server refuses (no permission, a conflict, bad
    fields), `NotFound` for a job that is not there, `Unreachable` when it does not answer.
    """

    def __init__(self, api: Any, namespace: str):
        from kubernetes import client

        self.namespace = namespace
        # `Any`: the client declares each of its calls as what it returns by default alone.
        self._jobs: Any = client.CustomObjectsApi(api)
        self._core: Any = client.CoreV1Api(api)
        self._definitions: Any = client.ApiextensionsV1Api(api)

    @classmethod
    def connect(
        cls, *, kubeconfig: Path | None, context: str | None, namespace: str | None
    ) -> Cluster:
        """By a kubeconfig (default as kubectl's), or, inside a pod without one, its account.

        Raises:
            InputError: there is neither, or no such context.
        """
        try:
            from kubernetes import client, config
        except ImportError:
            raise InputError(
                "Talking to a cluster needs the kubernetes package: "
                "pip install 'diet-ted-trainer[kubernetes]' (--dry-run works without)."
            ) from None
        settings = client.Configuration()
        path = str(kubeconfig) if kubeconfig else None
        try:
            _, active = config.list_kube_config_contexts(path)
            chosen = _named_context(path, context) if context else active
            config.load_kube_config(path, chosen["name"], client_configuration=settings)
            default = chosen["context"].get("namespace")
        except config.ConfigException as error:
            if kubeconfig or context or not _in_cluster(settings):
                raise InputError(f"No usable kubeconfig: {error}") from None
            default = None
        # Whoever waits asks again anyway; the client's own attempts would only fill the log.
        settings.retries = False
        return cls(client.ApiClient(settings), namespace or default or "default")

    def create(self, job: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Check the job against this cluster's definition of MPIJob, then send it."""
        self._check(job)
        arguments = {"dry_run": "All"} if dry_run else {}
        with _explained(f"create the job {job['metadata']['name']}", self.namespace):
            return self._jobs.create_namespaced_custom_object(
                *(GROUP, VERSION, self.namespace, PLURAL, dict(job)),
                field_validation="Strict",
                _request_timeout=TIMEOUT_SECONDS,
                **arguments,
            )

    def _check(self, job: Mapping[str, Any]) -> None:
        from kubernetes.client import ApiException

        try:
            with _explained("read the definition of MPIJob", self.namespace, passing=(403, 404)):
                found = self._definitions.read_custom_resource_definition(
                    DEFINITION, _preload_content=False, _request_timeout=TIMEOUT_SECONDS
                )
                definition = json.loads(found.data)
        except ApiException as error:
            if error.status == 404:
                raise InputError(
                    f"The cluster does not know MPIJob: install the operator with {INSTALL}"
                ) from None
            logger.warning(
                "The cluster does not let you read its definition of MPIJob; its own strict check "
                "(Kubernetes 1.25 or newer) must do."
            )
            return
        check_against_definition(job, definition)

    def job(self, name: str) -> dict[str, Any]:
        """The job as it is now, its status included."""
        with _explained(f"read the job {name}", self.namespace):
            return self._jobs.get_namespaced_custom_object(
                *(GROUP, VERSION, self.namespace, PLURAL, name), _request_timeout=TIMEOUT_SECONDS
            )

    def wait_for_change(self, name: str, version: str, seconds: float) -> None:
        """Return when the job is no longer as in this `resourceVersion`, or after some seconds.

        Where watching is not permitted, the seconds just pass.
        """
        from kubernetes.client import ApiException

        if not version or seconds < 1:  # the server counts in whole seconds
            time.sleep(seconds)
            return
        try:
            with _explained(f"watch the job {name}", self.namespace, passing=(403, 410)):
                changes = self._jobs.list_namespaced_custom_object(
                    *(GROUP, VERSION, self.namespace, PLURAL),
                    field_selector=f"metadata.name={name}",
                    resource_version=version,
                    watch=True,
                    timeout_seconds=math.floor(seconds),
                    _preload_content=False,
                    _request_timeout=(TIMEOUT_SECONDS[0], seconds + TIMEOUT_SECONDS[1]),
                )
                with closing(changes):
                    next(changes.stream(1, decode_content=True), None)
        except ApiException as error:
            if error.status == 403:
                time.sleep(seconds)
            # 410: so much has happened since that the server has forgotten it.

    def delete(self, name: str) -> None:
        """Delete the job; its pods end with a checkpoint, its claims stay."""
        with _explained(f"delete the job {name}", self.namespace):
            self._jobs.delete_namespaced_custom_object(
                *(GROUP, VERSION, self.namespace, PLURAL, name), _request_timeout=TIMEOUT_SECONDS
            )

    def resize(self, name: str, workers: int) -> None:
        """Change the number of workers."""
        patch = {"spec": {"mpiReplicaSpecs": {"Worker": {"replicas": workers}}}}
        with _explained(f"resize the job {name}", self.namespace):
            self._jobs.patch_namespaced_custom_object(
                *(GROUP, VERSION, self.namespace, PLURAL, name, patch),
                field_validation="Strict",
                _request_timeout=TIMEOUT_SECONDS,
                _content_type="application/merge-patch+json",
            )

    def pods(self, name: str) -> list[Any]:
        """The pods of a job, oldest first."""
        with _explained(f"list the pods of {name}", self.namespace):
            found = self._core.list_namespaced_pod(
                self.namespace,
                label_selector=f"training.kubeflow.org/job-name={name}",
                _request_timeout=TIMEOUT_SECONDS,
            )
        return sorted(found.items, key=lambda pod: pod.metadata.creation_timestamp)

    def events(self, name: str) -> list[Any]:
        """The events of a job and of what belongs to it, oldest first."""
        with _explained(f"list the events of {name}", self.namespace):
            found = self._core.list_namespaced_event(
                self.namespace, _request_timeout=TIMEOUT_SECONDS
            )
        related = [
            event
            for event in found.items
            if event.involved_object.name == name
            or (event.involved_object.name or "").startswith(f"{name}-")
        ]
        return sorted(related, key=lambda event: str(event.last_timestamp or event.event_time))

    def log(self, pod: str, *, follow: bool, since_seconds: int | None) -> Iterator[str]:
        """The lines of a pod's log, each with its time before it; ends when the connection does."""
        arguments = {"since_seconds": since_seconds} if since_seconds is not None else {}
        with _explained(f"read the log of {pod}", self.namespace):
            answer = self._core.read_namespaced_pod_log(
                *(pod, self.namespace),
                follow=follow,
                timestamps=True,
                _preload_content=False,
                _request_timeout=(TIMEOUT_SECONDS[0], SILENCE_SECONDS),
                **arguments,
            )
            with closing(answer):
                rest = b""
                for piece in answer.stream(4096, decode_content=True):
                    *lines, rest = (rest + piece).split(b"\n")
                    yield from (line.decode("utf-8", "replace") for line in lines)
                # What is left is a line cut off by a lost connection; it comes again whole.


def _named_context(path: str | None, name: str) -> dict[str, Any]:
    from kubernetes import config

    contexts, _ = config.list_kube_config_contexts(path)
    for context in contexts:
        if context["name"] == name:
            return context
    known = ", ".join(context["name"] for context in contexts)
    raise InputError(f"--context: the kubeconfig has no {name!r}; it has {known}.")


def _in_cluster(settings: Any) -> bool:
    from kubernetes import config

    try:
        config.load_incluster_config(client_configuration=settings)
    except config.ConfigException:
        return False
    return True


@contextmanager
def _explained(what: str, namespace: str, passing: tuple[int, ...] = ()) -> Iterator[None]:
    """Turn the client's errors into one line each; answers in `passing` are the caller's."""
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        if error.status in passing:
            raise
        raise _refusal(what, namespace, error.status or 0, _message(error)) from None
    except (HTTPError, OSError) as error:
        raise Unreachable(f"Cannot {what}: the server does not answer ({error}).") from None


def _refusal(what: str, namespace: str, status: int, message: str) -> InputError:
    where = f"Cannot {what} in namespace {namespace}"
    if status == 404:
        return NotFound(f"{where}: there is none. ({message})")
    if status == 409:
        return InputError(
            f"{where}: it exists already. Give another --name, or delete it first "
            "(python -m trainer submit delete NAME)."
        )
    if status == 0 or status == 429 or status >= 500:
        return Unreachable(f"{where}: the server cannot at the moment ({status}: {message}).")
    return InputError(f"{where}: the server refuses ({status}): {message}")


def _message(error: Any) -> str:
    try:
        return json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        return str(error.reason)

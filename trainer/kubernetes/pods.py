"""The pods of a job: the workers that train, and the launcher that starts processes on them.

The operator joins them by ssh: workers run sshd, the launcher runs `horovodrun`, which carries
every variable of its own environment to the training processes by name (ssh carries none).
"""

from __future__ import annotations

from typing import Any

from trainer.distribution.world_size import MAX_WORLD_SIZE, MIN_WORLD_SIZE, WORLD_HOSTS, WORLD_SIZE
from trainer.kubernetes.job_options import Claim, JobOptions

USER_ID = 1000
"""Of the image's user, who has no privileges."""
SSH_DIRECTORY = "/home/trainer/.ssh"
SSHD_CONFIG = "/etc/diet-ted-trainer/sshd_config"
SSH_PORT = 2222
"""sshd cannot have port 22 without being root."""

DATA_FOLDER = "/data"
RUNS_FOLDER = "/runs"
GRACE_SECONDS = 120
"""How long a checkpoint may take after the pod is told to go."""
START_TIMEOUT_SECONDS = 600
"""How long `horovodrun` tries to reach the workers; its default of 30 is too short here."""
COOLDOWN_SECONDS = (30, 600)
"""Elastic: how long a worker on which a process died is left out, at first and at most. (The pod
that replaces it has its name.)"""


def launcher_pod(options: JobOptions) -> dict[str, Any]:
    """The pod template of the launcher."""
    container = {
        "name": "launcher",
        "image": options.image,
        "command": [*_launch(options), "python", "-m", "trainer"],
        "args": training_arguments(options),
        "env": _environment(options),
        "resources": _resources("1", "2Gi"),
        "lifecycle": _lifecycle(),
        "securityContext": _container_security(),
    }
    return _template(options, container, [])


def worker_pod(options: JobOptions) -> dict[str, Any]:
    """The pod template of the workers."""
    volumes = _volumes(options)
    container = {
        "name": "worker",
        "image": options.image,
        "command": ["/usr/sbin/sshd", "-De", "-f", SSHD_CONFIG],
        "ports": [{"name": "ssh", "containerPort": SSH_PORT}],
        # Without it a worker counts as ready before sshd answers.
        "readinessProbe": {"tcpSocket": {"port": SSH_PORT}, "periodSeconds": 2},
        "resources": _resources(options.cpu, options.memory, options.gpus),
        "volumeMounts": [mount for _, mount in volumes],
        "lifecycle": _lifecycle(),
        "securityContext": _container_security(),
    }
    return _template(options, container, volumes)


def training_arguments(options: JobOptions) -> list[str]:
    """The options of `python -m trainer` in the job; what the user gives is left as it is."""
    given = options.training
    arguments = list(given)
    if not _has(given, "--run-dir"):
        arguments = ["--run-dir", f"{RUNS_FOLDER}/{options.name}", *arguments]
    if options.data is not None and not _has(given, "--project", "--config"):
        arguments = ["--project", DATA_FOLDER, *arguments]
    return arguments


def _has(arguments: tuple[str, ...], *flags: str) -> bool:
    return any(argument.split("=")[0] in flags for argument in arguments)


def _launch(options: JobOptions) -> list[str]:
    """`horovodrun` with its options; the image's `launch-training` stops leftovers first."""
    start = ["launch-training", "horovodrun", "--gloo", "--start-timeout"]
    start.append(str(START_TIMEOUT_SECONDS))
    if not options.elastic:
        # Named, because Open MPI 5 does not read the operator's variables for it.
        return [*start, "-np", f"$({WORLD_SIZE})", "--hostfile", "/etc/mpi/hostfile"]
    return [
        *start,
        *("-np", f"$({MIN_WORLD_SIZE})"),
        *("--min-np", f"$({MIN_WORLD_SIZE})"),
        *("--max-np", f"$({MAX_WORLD_SIZE})"),
        # The operator's script prints host names without their slots.
        *("--slots-per-host", str(options.slots)),
        *("--host-discovery-script", "/etc/mpi/discover_hosts.sh"),
        *("--network-interfaces", options.network_interface),
        *("--blacklist-cooldown-range", *map(str, COOLDOWN_SECONDS)),
    ]


def _environment(options: JobOptions) -> list[dict[str, str]]:
    """What training compares its number of processes with, then the user's variables."""
    if options.elastic:
        sizes = {
            MIN_WORLD_SIZE: options.fewest_workers * options.slots,
            MAX_WORLD_SIZE: options.most_workers * options.slots,
        }
    else:
        sizes = {WORLD_SIZE: options.workers * options.slots, WORLD_HOSTS: options.workers}
    variables = {name: str(size) for name, size in sizes.items()} | dict(options.env)
    return [{"name": name, "value": value} for name, value in variables.items()]


def _resources(cpu: str, memory: str, gpus: int = 0) -> dict[str, Any]:
    """Requests equal limits: a worker that is throttled or evicted holds up all the others."""
    amounts = {"cpu": cpu, "memory": memory}
    if gpus:
        amounts["nvidia.com/gpu"] = str(gpus)
    return {"requests": amounts, "limits": dict(amounts)}


def _lifecycle() -> dict[str, Any]:
    """Kubernetes signals only a container's first process, sshd; this reaches training."""
    return {"preStop": {"exec": {"command": ["stop-training"]}}}


def _container_security() -> dict[str, Any]:
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def _volumes(options: JobOptions) -> list[tuple[dict, dict]]:
    """Volumes, each with where it is mounted."""
    volumes = [_claimed("runs", options.runs, RUNS_FOLDER)]
    if isinstance(options.data, Claim):
        volumes.append(_claimed("data", options.data, DATA_FOLDER, read_only=True))
    elif options.data is not None:
        volumes.append(({"name": "data", "emptyDir": {}}, _mount("data", DATA_FOLDER)))
    memory = {"medium": "Memory", "sizeLimit": options.shared_memory}
    volumes.append(({"name": "shm", "emptyDir": memory}, _mount("shm", "/dev/shm")))
    for name, folder in options.secrets.items():
        volume = {"name": f"secret-{name}", "secret": {"secretName": name}}
        volumes.append((volume, _mount(f"secret-{name}", folder) | {"readOnly": True}))
    return volumes


def _claimed(name: str, claim: Claim, folder: str, *, read_only: bool = False) -> tuple[dict, dict]:
    mount = _mount(name, folder)
    if claim.folder:
        mount["subPath"] = claim.folder
    if read_only:
        mount["readOnly"] = True
    return {"name": name, "persistentVolumeClaim": {"claimName": claim.name}}, mount


def _mount(name: str, folder: str) -> dict[str, Any]:
    return {"name": name, "mountPath": folder}


def _template(
    options: JobOptions, container: dict[str, Any], volumes: list[tuple[dict, dict]]
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
        },
        "containers": [container],
    }
    if volumes:
        spec["volumes"] = [volume for volume, _ in volumes]
        if isinstance(options.data, str):
            spec["initContainers"] = [_fetch(options)]
        # Only workers need the accelerator's nodes.
        if options.node_selector:
            spec["nodeSelector"] = dict(options.node_selector)
        if options.tolerations:
            spec["tolerations"] = [dict(toleration) for toleration in options.tolerations]
    if options.priority_class:
        spec["priorityClassName"] = options.priority_class
    if options.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in options.image_pull_secrets]
    # A service mesh's proxy would stand between ssh and sshd, and keep finished pods alive.
    return {"metadata": {"annotations": {"sidecar.istio.io/inject": "false"}}, "spec": spec}


def _fetch(options: JobOptions) -> dict[str, Any]:
    return {
        "name": "fetch-data",
        "image": options.image,
        "command": ["python", "-m", "trainer.kubernetes.fetch"],
        "args": [options.data, DATA_FOLDER],
        "resources": _resources("1", "1Gi"),
        "volumeMounts": [_mount("data", DATA_FOLDER)],
        "securityContext": _container_security(),
    }

"""What a user asks for when a training is to run on Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from data_pipeline.errors import InputError

CLAIM = "pvc:"
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip")
OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")


@dataclass(frozen=True)
class Claim:
    """A folder of a PersistentVolumeClaim; an empty `folder` is all of it."""

    name: str
    folder: str = ""


@dataclass(frozen=True)
class JobOptions:
    """A job; field for field what the flags of `submit` give.

    Attributes:
        namespace: None = the one of the kubeconfig's context.
        gpus: per worker. A worker has one training process per GPU, without GPUs one.
        shared_memory: size of `/dev/shm`, through which NCCL exchanges data between GPUs.
        data: the Rasa project: a claim, or the URL of an archive that every worker unpacks; None =
            the example in the image, unless `training` names another.
        runs: the claim that all workers write to; must be `ReadWriteMany` for several nodes.
        secrets: Secret name -> folder where its keys are files.
        node_selector: labels that a worker's node must have.
        tolerations: as Kubernetes has them.
        queue: the LocalQueue of Kueue that admits the job.
        min_workers, max_workers: both given = elastic.
        backoff_limit: how often a failed launcher is started again; training resumes.
        ttl_seconds: how long a finished job is kept; None = until it is deleted.
        deadline_seconds: how long the job may take; None = no limit.
        network_interface: of the pods, for elastic jobs: with it named, one host can start.
        training: options of `python -m trainer`, passed on as they are.
    """

    name: str
    image: str
    namespace: str | None = None
    workers: int = 2
    gpus: int = 0
    cpu: str = "4"
    memory: str = "8Gi"
    shared_memory: str = "1Gi"
    data: Claim | str | None = None
    runs: Claim = Claim("diet-ted-runs")
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    image_pull_secrets: tuple[str, ...] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, str], ...] = ()
    priority_class: str | None = None
    queue: str | None = None
    min_workers: int | None = None
    max_workers: int | None = None
    backoff_limit: int = 3
    ttl_seconds: int | None = None
    deadline_seconds: int | None = None
    network_interface: str = "eth0"
    training: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._check_counts()
        self._check_texts()

    def _check_counts(self) -> None:
        if self.workers < 1:
            raise InputError(f"--workers must be at least 1. Received: {self.workers}")
        if self.gpus < 0:
            raise InputError(f"--gpus must not be negative. Received: {self.gpus}")
        if (self.min_workers is None) != (self.max_workers is None):
            raise InputError("--min-workers and --max-workers belong together: one is missing.")
        fewest, most = self.fewest_workers, self.most_workers
        if not 1 <= fewest <= self.workers <= most:
            raise InputError(
                "1 <= --min-workers <= --workers <= --max-workers must hold. "
                f"Received: {self.min_workers}, {self.workers}, {self.max_workers}"
            )

    def _check_texts(self) -> None:
        """What the server accepts in a job and then refuses in its pods, where only Events tell."""
        claims = [claim.name for claim in (self.runs, self.data) if isinstance(claim, Claim)]
        named = {
            "--secret": self.secrets,
            "--image-pull-secret": self.image_pull_secrets,
            "--runs, --data": claims,
        }
        for flag, names in named.items():
            for name in names:
                if not OBJECT_NAME.fullmatch(name):
                    raise InputError(
                        f"{flag}: a name has lower-case letters, digits, '-' and '.'. "
                        f"Received: {name!r}"
                    )
        for name in self.env:
            if not VARIABLE_NAME.fullmatch(name):
                raise InputError(f"--env: {name!r} is not a name of a variable.")
        sizes = {
            "--cpu": self.cpu,
            "--memory": self.memory,
            "--shared-memory": self.shared_memory,
        }
        for flag, size in sizes.items():
            if not QUANTITY.fullmatch(size):
                raise InputError(
                    f"{flag} takes a quantity such as 500m, 4 or 8Gi. Received: {size!r}"
                )

    @property
    def elastic(self) -> bool:
        return self.min_workers is not None

    @property
    def fewest_workers(self) -> int:
        return self.workers if self.min_workers is None else self.min_workers

    @property
    def most_workers(self) -> int:
        return self.workers if self.max_workers is None else self.max_workers

    @property
    def slots(self) -> int:
        """Training processes per worker."""
        return max(self.gpus, 1)


def parse_claim(flag: str, text: str) -> Claim:
    """`pvc:NAME` or `pvc:NAME/FOLDER`.

    Raises:
        InputError: it is something else.
    """
    name, _, folder = text.removeprefix(CLAIM).partition("/")
    if not text.startswith(CLAIM) or not name:
        raise InputError(f"{flag} takes pvc:CLAIM or pvc:CLAIM/FOLDER. Received: {text!r}")
    return Claim(name, folder.strip("/"))


def parse_data(text: str) -> Claim | str:
    """A claim, or the URL of an archive.

    Raises:
        InputError: it is neither.
    """
    if text.startswith(CLAIM):
        return parse_claim("--data", text)
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.path.endswith(ARCHIVES):
        raise InputError(
            "--data takes pvc:CLAIM, pvc:CLAIM/FOLDER or an http(s) URL that ends in "
            f"{', '.join(ARCHIVES)}. Received: {text!r}"
        )
    return text


def parse_runs(text: str) -> Claim:
    """A claim.

    Raises:
        InputError: it is something else, or a URL.
    """
    if "://" in text:
        raise InputError(
            "--runs must be a volume (pvc:CLAIM): checkpoints are published by renaming folders, "
            f"which object stores cannot do. Received: {text!r}"
        )
    return parse_claim("--runs", text)


def parse_pairs(flag: str, texts: tuple[str, ...]) -> dict[str, str]:
    """`KEY=VALUE` texts; what is given twice counts once, the last.

    Raises:
        InputError: no `=`, or no key.
    """
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InputError(f"{flag} takes KEY=VALUE. Received: {text!r}")
        pairs[key] = value
    return pairs


def parse_secret(text: str) -> tuple[str, str]:
    """`NAME` or `NAME:/folder`; without a folder it is `/secrets/NAME`.

    Raises:
        InputError: no name, or a folder that is not absolute.
    """
    name, colon, folder = text.partition(":")
    if not name or (colon and not folder.startswith("/")):
        raise InputError(f"--secret takes NAME or NAME:/FOLDER. Received: {text!r}")
    return name, folder or f"/secrets/{name}"


TOLERATION = re.compile(r"(?P<key>[^=:]+)(=(?P<value>[^=:]*))?(:(?P<effect>\w+))?")


def parse_toleration(text: str) -> dict[str, str]:
    """`KEY`, `KEY=VALUE`, each with `:EFFECT` or without, as `kubectl taint` writes them.

    Raises:
        InputError: it is something else.
    """
    match = TOLERATION.fullmatch(text)
    if match is None:
        raise InputError(f"--toleration takes KEY[=VALUE][:EFFECT]. Received: {text!r}")
    parts = {key: value for key, value in match.groupdict().items() if value is not None}
    operator = "Equal" if "value" in parts else "Exists"
    return {"key": parts.pop("key"), "operator": operator, **parts}

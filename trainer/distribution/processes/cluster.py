"""Which processes train together, as `TF_CONFIG` or SLURM's variables tell each of them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from data_pipeline.errors import InputError

TF_CONFIG = "TF_CONFIG"
TASKS, RANK, NODES = "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_STEP_NODELIST"
TASKS_PER_NODE, NODE, JOB = "SLURM_STEP_TASKS_PER_NODE", "SLURM_NODEID", "SLURM_JOB_ID"
FIRST_PORT, PORTS = 20000, 10000
"""Of processes under SLURM: jobs that share a node have numbers of their own, and so ports."""
NUMBERS = "[0-9]+(?:-[0-9]+)?"
NAME = rf"(?:[^\[\],]|\[{NUMBERS}(?:,{NUMBERS})*\])+"
"""Of one host, or of several: `n[1-3,7]`."""
EXAMPLE = '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Cluster:
    """The processes that train together, and which of them this is.

    Attributes:
        addresses: where each process listens, `HOST:PORT`, by rank.
        source: the variable that says so.
    """

    addresses: tuple[str, ...]
    rank: int
    source: str

    @property
    def size(self) -> int:
        return len(self.addresses)

    @property
    def hosts(self) -> list[str]:
        """The host of each process, by rank."""
        return [address.rpartition(":")[0] for address in self.addresses]

    @property
    def local_size(self) -> int:
        """How many processes share this one's host."""
        return self.hosts.count(self.hosts[self.rank])

    @property
    def local_rank(self) -> int:
        """Which one of those this is."""
        return self.hosts[: self.rank].count(self.hosts[self.rank])


def started_by(environ: Mapping[str, str] = os.environ) -> str | None:
    """The variable that tells of several processes; None = there is none."""
    try:
        several = [
            name for name in (TF_CONFIG, RANK) if name in environ and _size(name, environ) > 1
        ]
    except InputError:
        return TF_CONFIG  # who reads all of it says what is wrong
    return several[0] if several else None


def read_cluster(environ: Mapping[str, str] = os.environ) -> Cluster:
    """What `TF_CONFIG` says or, where it is not set, what `srun` does.

    Raises:
        InputError: neither is there, or it does not make sense.
    """
    if TF_CONFIG in environ:
        return _of_tf_config(environ[TF_CONFIG])
    if RANK in environ:
        return _of_slurm(environ)
    raise InputError(
        f"strategy multi_worker needs to know the processes: start each with {TF_CONFIG}, such as "
        f"{EXAMPLE}, or all by SLURM's srun."
    )


def _size(name: str, environ: Mapping[str, str]) -> int:
    if name == RANK:
        return _number(TASKS, environ) if TASKS in environ else 1
    return sum(len(addresses) for addresses in _jobs(_parsed(environ[name])).values())


def _of_tf_config(text: str) -> Cluster:
    config = _parsed(text)
    jobs = _jobs(config)
    task = config.get("task")
    kind, index = (task.get("type"), task.get("index")) if isinstance(task, dict) else (None, None)
    if kind not in jobs or isinstance(index, bool) or not isinstance(index, int | str):
        raise _bad("task must name one of the cluster's processes", task)
    if not re.fullmatch(r"[0-9]+", str(index)) or int(index) >= len(jobs[kind]):
        raise _bad(f"task.index must be 0 to {len(jobs[kind]) - 1}", index)
    # The chief, if there is one by that name, comes first.
    rank = int(index) + (len(jobs["chief"]) if kind == "worker" and "chief" in jobs else 0)
    return Cluster((*jobs.get("chief", ()), *jobs.get("worker", ())), rank, TF_CONFIG)


def _parsed(text: str) -> dict:
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise _bad(f"it is not JSON ({error})", text) from None
    if not isinstance(config, dict):
        raise _bad("it must be a map", config)
    return config


def _jobs(config: dict) -> dict[str, list[str]]:
    """The addresses of the processes, by what they are called."""
    cluster = config.get("cluster", {})
    if not isinstance(cluster, dict):
        raise _bad("cluster must be a map", cluster)
    if other := sorted(cluster.keys() - {"chief", "worker"}):
        raise _bad("cluster may name a chief and workers only", ", ".join(other))
    addresses = [address for job in cluster.values() for address in _listed(job)]
    if len(set(addresses)) < len(addresses):
        raise _bad("cluster must name every address once", addresses)
    if len(cluster.get("chief", ())) > 1:
        raise _bad("cluster.chief must be one address", cluster["chief"])
    return cluster


def _listed(job: object) -> list[str]:
    if not isinstance(job, list) or not job:
        raise _bad("cluster must give lists of addresses", job)
    for address in job:
        if not isinstance(address, str) or not re.fullmatch(r".+:[0-9]+", address):
            raise _bad("an address must be HOST:PORT", address)
    return job


def _bad(what: str, received: object) -> InputError:
    return InputError(f"{TF_CONFIG}: {what}. Received: {received!r}. An example: {EXAMPLE}")


def _of_slurm(environ: Mapping[str, str]) -> Cluster:
    """Of processes laid out in blocks, as `srun` does by default.

    TensorFlow's `SlurmClusterResolver` sorts hosts by name, which is not the order of ranks where
    there are ten hosts or more, and fails on machines without GPUs.
    """
    rank, node = _number(RANK, environ), _number(NODE, environ)
    first_port = FIRST_PORT + _number(JOB, environ) % PORTS
    tasks = list(_expanded_tasks(environ.get(TASKS_PER_NODE, "nothing")))
    hosts = list(_expanded_hosts(environ.get(NODES, "[nothing]")))
    of_nodes = [(n, index) for n, count in enumerate(tasks) for index in range(count)]
    if len(hosts) != len(tasks) or rank >= len(of_nodes) or of_nodes[rank][0] != node:
        raise InputError(
            f"{NODES}={environ[NODES]}, {TASKS_PER_NODE}={environ[TASKS_PER_NODE]} and "
            f"{NODE}={node} do not tell where process {rank} is. Start with srun "
            f"--distribution=block, or give each process a {TF_CONFIG}."
        )
    addresses = (f"{hosts[n]}:{first_port + index}" for n, index in of_nodes)
    return Cluster(tuple(addresses), rank, RANK)


def _number(name: str, environ: Mapping[str, str]) -> int:
    try:
        return int(environ[name])
    except (KeyError, ValueError):
        received = environ.get(name, "nothing")
        raise InputError(f"{name}, SLURM's, must be a number. Received: {received}") from None


def _expanded_tasks(text: str) -> Iterator[int]:
    """How many tasks each node has.

    >>> list(_expanded_tasks("3(x2),1"))
    [3, 3, 1]
    """
    for part in text.split(","):
        found = re.fullmatch(r"([0-9]+)(?:\(x([0-9]+)\))?", part)
        if found is None:
            raise InputError(f"{TASKS_PER_NODE} is not of SLURM's form. Received: {text}")
        yield from [int(found[1])] * int(found[2] or 1)


def _expanded_hosts(text: str) -> Iterator[str]:
    """The names that SLURM's list stands for.

    >>> list(_expanded_hosts("login,r[1-2]n[08-10,12]"))[:5]
    ['login', 'r1n08', 'r1n09', 'r1n10', 'r1n12']
    """
    if not re.fullmatch(f"{NAME}(,{NAME})*", text):
        raise InputError(f"{NODES} is not of SLURM's form. Received: {text}")
    for name in re.finditer(NAME, text):
        yield from _expanded_name(name[0])


def _expanded_name(name: str) -> Iterator[str]:
    before, bracket, rest = name.partition("[")
    if not bracket:
        yield name
        return
    numbers, _, after = rest.partition("]")
    for part in numbers.split(","):
        first, _, last = part.partition("-")
        for number in range(int(first), int(last or first) + 1):
            for behind in _expanded_name(after):
                yield f"{before}{number:0{len(first)}}{behind}"

"""Training on processes that TensorFlow itself joins: one process per replica, and no Horovod.

`tf.distribute.MultiWorkerMirroredStrategy` starts a server in each process and forms the cluster;
what a step exchanges are its collective operations, see `TensorFlowCollectives`.
"""

from __future__ import annotations

import contextlib
import functools
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from socket import gethostname
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from data_pipeline.batches.dataset import Batches
from data_pipeline.errors import InputError
from trainer.distribution.process_settings import share_cores
from trainer.distribution.processes.cluster import Cluster, read_cluster
from trainer.distribution.processes.meeting import meet
from trainer.distribution.processes.signs_of_life import first_on_chief
from trainer.distribution.processes.tensorflow_collectives import TensorFlowCollectives
from trainer.distribution.replicas import ProcessReplicas
from trainer.distribution.speaker import speak_as
from trainer.distribution.watch import seconds_by, watch_anew

WAIT_LIMIT = "DIET_TED_WAIT_SECONDS"
"""How long processes wait for each other: to come together, and for an exchange."""
JOIN_SECONDS = 120
"""How long TensorFlow may take to join processes that are all there."""

Result = TypeVar("Result")


class MultiWorker:
    """One replica per process; `TF_CONFIG` or SLURM tells each who the others are.

    Raises:
        InputError: the environment does not say so, or makes no sense.
        OthersMissing: not all processes came.
    """

    def __init__(self, gradient_compression: str = "none") -> None:
        cluster = read_cluster()
        speak_as(cluster.rank)
        device = _join(cluster)
        self._watch = watch_anew(WAIT_LIMIT)
        self._collectives = TensorFlowCollectives(cluster.size, cluster.rank, device)
        self.num_replicas = cluster.size
        self.num_hosts = len(set(cluster.hosts))
        self.is_chief = cluster.rank == 0
        self.replicas = ProcessReplicas(self._collectives, gradient_compression)
        self.traffic = self.replicas.traffic
        self.description = f"process {cluster.rank} of {cluster.size} on {gethostname()}"
        numbers = [tf.TensorSpec([None], tf.int32)]
        # Traced once, so that each has one key, whoever calls it.
        self._largest = tf.function(self._collectives.largest, input_signature=numbers)
        self._gather = tf.function(self._collectives.gather, input_signature=numbers)

    def scope(self) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext()

    def broadcast(self, variables: Sequence[Any]) -> None:
        values = [variable.value for variable in variables]

        def exchange() -> tf.Tensor:
            if self.is_chief:
                with tf.control_dependencies([self._collectives.send(values)]):
                    return tf.zeros([])
            for value, received in zip(values, self._collectives.receive(values), strict=True):
                value.assign(received)
            return tf.zeros([])

        tf.function(exchange, autograph=False)()
        self._watch.met()

    def broadcast_object(self, value: Any) -> Any:
        return self.gather_objects(value if self.is_chief else None)[0]

    def gather_objects(self, value: Any) -> list[Any]:
        own = pickle.dumps(value)
        sizes = self._gather(tf.constant([len(own)], tf.int32)).numpy()
        words = -(-max(sizes) // 4)
        sent = np.frombuffer(own.ljust(words * 4, b"\0"), np.int32)
        received = self._gather(tf.constant(sent)).numpy().reshape(self.num_replicas, words)
        # Processes of one job trust each other: they run the same code.
        return [
            pickle.loads(row.tobytes()[:size]) for row, size in zip(received, sizes, strict=True)
        ]

    def largest(self, number: int) -> int:
        found = self._largest(tf.constant([number], tf.int32))
        self._watch.met()
        return int(found[0])

    def dataset(self, dataset_fn: Callable) -> Batches:
        size, rank = self._collectives.size, self._collectives.rank
        return self._watch.each(dataset_fn(tf.distribute.InputContext(size, rank, size)))

    def run(self, replica_fn: Callable, args: tuple) -> Any:
        return replica_fn(*args)

    def sum_gradients(self, gradients: list, sums: list[tf.Tensor]) -> tuple[list, list]:
        return self.replicas.sum_gradients(gradients, sums)

    def update(
        self, write: Callable[[list, tf.Tensor], None], gradients: list, flag: tf.Tensor
    ) -> None:
        write(gradients, flag)

    def record_timeline(self, path: Path | None) -> None:
        """Nothing to record: exchanges are operations like others, in TensorFlow's own profile."""

    def wait_for_all(self) -> None:
        self.largest(0)

    def first_on_chief(self, work: Callable[[], Result]) -> Result | None:
        return first_on_chief(work, self.largest, is_chief=self.is_chief)


@functools.cache
def _join(cluster: Cluster) -> str:
    """Become part of the cluster, until the process ends; returns this process' device."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        own = gpus[cluster.local_rank % len(gpus)]
        tf.config.set_visible_devices(own, "GPU")
        tf.config.experimental.set_memory_growth(own, True)
    share_cores(cluster.local_size)
    meet(cluster, seconds_by(WAIT_LIMIT))
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
        task_type="worker",
        task_id=cluster.rank,
        num_accelerators={"GPU": 1} if gpus else {},
        rpc_layer="grpc",
    )
    try:
        with _signals_as_before():
            strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except RuntimeError as error:
        raise InputError(
            f"strategy multi_worker must come before all other use of TensorFlow: {error}."
        ) from None
    _joined.append(strategy)
    return strategy.extended.worker_devices[0]


_joined: list[tf.distribute.Strategy] = []
"""Kept, since the server ends with it."""


@contextlib.contextmanager
def _signals_as_before() -> Iterator[None]:
    """Joining holds Python's lock, so only a signal can end it; and it takes SIGTERM for itself."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    signal.alarm(JOIN_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        if in_main_thread:
            signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))

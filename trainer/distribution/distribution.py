"""Which devices train together, and who is chief: these files alone know ranks and launchers.

Four ways to train, one interface. A *replica* is a copy of the model on one device; all replicas
share one global batch and, step by step, hold the same weights:

* `SingleDevice`: one replica.
* `Mirrored`: one process, a replica per local device (`tf.distribute.MirroredStrategy`).
* `Horovod`: one process per replica, started by `horovodrun`, on any number of hosts; see
  `trainer/distribution/horovod.py`.
* `MultiWorker`: the same, joined by TensorFlow itself; see
  `trainer/distribution/multi_worker.py`.

A train step runs *inside a replica* (`run`); what it needs of the others it asks of `replicas`;
variables are written through `update`.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import tensorflow as tf

from data_pipeline.batches.dataset import Batches
from data_pipeline.errors import InputError
from model.replicas import ONE_REPLICA, Replicas
from trainer.distribution.horovod import Horovod
from trainer.distribution.multi_worker import MultiWorker
from trainer.distribution.process_settings import divide_cores
from trainer.distribution.processes.cluster import started_by
from trainer.distribution.replicas import MirroredReplicas
from trainer.distribution.traffic import Traffic
from trainer.distribution.world_size import check_world_size

logger = logging.getLogger(__name__)

LAUNCHER_VARIABLES = ("HOROVOD_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
STRATEGIES = ("auto", "single", "mirrored", "horovod", "multi_worker")

DatasetFunction = Callable[[tf.distribute.InputContext], tf.data.Dataset]
Write = Callable[[list, tf.Tensor], None]
Result = TypeVar("Result")


class Distribution(Protocol):
    """What the step and the loop need of a set of devices."""

    is_chief: bool
    num_hosts: int
    description: str

    @property
    def replicas(self) -> Replicas: ...

    @property
    def num_replicas(self) -> int: ...

    @property
    def traffic(self) -> Traffic | None:
        """What is exchanged between processes; None = there is one process."""

    def scope(self) -> contextlib.AbstractContextManager:
        """Where the model's and the optimizer's variables are created."""

    def broadcast(self, variables: Sequence[Any]) -> None:
        """Give every replica the chief's values of these Keras variables."""

    def broadcast_object(self, value: Any) -> Any:
        """The chief's value of a small Python object."""

    def gather_objects(self, value: Any) -> list[Any]:
        """Every process' value of a small Python object, by rank."""

    def largest(self, number: int) -> int:
        """The largest of the numbers that the processes give."""

    def dataset(self, dataset_fn: DatasetFunction) -> Batches:
        """This process' batches; each element is what `run` takes."""

    def run(self, replica_fn: Callable, args: tuple) -> Any:
        """Call `replica_fn(*args)` on every replica; return one replica's tensors (all agree)."""

    def sum_gradients(self, gradients: list, sums: list[tf.Tensor]) -> tuple[list, list]:
        """Inside a replica: sum each tensor or `tf.IndexedSlices` (with unique rows) over replicas.

        Slices stay slices with unique rows, in an order that is the same on every replica.

        Args:
            sums: tensors that are no gradients, summed along with them.

        Returns:
            The summed gradients, and the summed `sums`.
        """

    def update(self, write: Write, gradients: list, flag: tf.Tensor) -> None:
        """Inside a replica: call `write(gradients, flag)` where variables may be written."""

    def record_timeline(self, path: Path | None) -> None:
        """Begin to write when processes exchange what to `path`; None = end it."""

    def wait_for_all(self) -> None:
        """Return once every process has called this."""

    def first_on_chief(self, work: Callable[[], Result]) -> Result | None:
        """What `work()` returns on the chief; the others wait for it, however long, and get None.

        Elsewhere a process that keeps the others waiting counts as hung after a while.
        """


class SingleDevice:
    """One replica on TensorFlow's default device."""

    replicas: Replicas = ONE_REPLICA
    is_chief = True
    num_hosts = 1
    traffic = None
    num_replicas = 1
    description = "one device"

    def scope(self) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext()

    def broadcast(self, variables: Sequence[Any]) -> None:
        """Nothing to do: there is one copy."""

    def broadcast_object(self, value: Any) -> Any:
        return value

    def gather_objects(self, value: Any) -> list[Any]:
        return [value]

    def largest(self, number: int) -> int:
        return number

    def dataset(self, dataset_fn: DatasetFunction) -> tf.data.Dataset:
        return dataset_fn(tf.distribute.InputContext())

    def run(self, replica_fn: Callable, args: tuple) -> Any:
        return replica_fn(*args)

    def sum_gradients(self, gradients: list, sums: list[tf.Tensor]) -> tuple[list, list]:
        return gradients, sums

    def update(self, write: Write, gradients: list, flag: tf.Tensor) -> None:
        write(gradients, flag)

    def record_timeline(self, path: Path | None) -> None:
        """Nothing to record: there is one process."""

    def wait_for_all(self) -> None:
        """Nothing to wait for."""

    def first_on_chief(self, work: Callable[[], Result]) -> Result:
        return work()


class Mirrored:
    """A replica on each local device, in one process."""

    is_chief = True
    num_hosts = 1
    traffic = None

    def __init__(self, devices: Sequence[str] | None = None):
        self._strategy = tf.distribute.MirroredStrategy(devices, _exchange_between(devices))
        self.replicas = MirroredReplicas(self.num_replicas)
        names = ", ".join(_short_device_name(d) for d in self._strategy.extended.worker_devices)
        self.description = f"{self.num_replicas} mirrored devices ({names})"

    @property
    def num_replicas(self) -> int:
        return self._strategy.num_replicas_in_sync

    def scope(self) -> contextlib.AbstractContextManager:
        return self._strategy.scope()

    def broadcast(self, variables: Sequence[Any]) -> None:
        """Nothing to do: a write to a mirrored variable reaches every device."""

    def broadcast_object(self, value: Any) -> Any:
        return value

    def gather_objects(self, value: Any) -> list[Any]:
        return [value]

    def largest(self, number: int) -> int:
        return number

    def dataset(self, dataset_fn: DatasetFunction) -> Batches:
        return self._strategy.distribute_datasets_from_function(dataset_fn)

    def run(self, replica_fn: Callable, args: tuple) -> Any:
        results = self._strategy.run(replica_fn, args)
        return tf.nest.map_structure(self._first, results)

    def _first(self, value: Any) -> Any:
        return self._strategy.experimental_local_results(value)[0]

    def sum_gradients(self, gradients: list, sums: list[tf.Tensor]) -> tuple[list, list]:
        return self.replicas.sum_gradients(gradients, sums)

    def update(self, write: Write, gradients: list, flag: tf.Tensor) -> None:
        # Across replicas the gradients stay per device, each applied to its own copy; the flag
        # steers a condition and must be a single tensor.
        tf.distribute.get_replica_context().merge_call(
            lambda _, gradients, flag: write(gradients, self._first(flag)), (gradients, flag)
        )

    def record_timeline(self, path: Path | None) -> None:
        """Nothing to record: there is one process."""

    def wait_for_all(self) -> None:
        """Nothing to wait for: there is one process."""

    def first_on_chief(self, work: Callable[[], Result]) -> Result:
        return work()


def make_distribution(
    strategy: str = "auto", *, logical_cpu_devices: int = 1, gradient_compression: str = "none"
) -> Distribution:
    """The distribution named by `strategy`; `auto` looks at the launcher and at the GPUs.

    Args:
        logical_cpu_devices: how many devices the CPU is to count as.
        gradient_compression: how gradients travel between processes, see `ProcessReplicas`.

    Raises:
        InputError: an unknown strategy, Horovod wanted and not installed, no word of the other
            processes, or another number of devices than the environment says was asked for.
        OthersMissing: of processes that TensorFlow joins not all came.
    """
    if logical_cpu_devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * logical_cpu_devices
        tf.config.set_logical_device_configuration(cpu, parts)
        divide_cores(logical_cpu_devices)
    chosen, reason = strategy, "asked for"
    if strategy == "auto":
        chosen, reason = _detect()
    if chosen == "single":
        distribution: Distribution = SingleDevice()
    elif chosen == "mirrored":
        distribution = Mirrored(_mirrored_devices())
    elif chosen == "horovod":
        distribution = Horovod(gradient_compression)
    elif chosen == "multi_worker":
        distribution = MultiWorker(gradient_compression)
    else:
        raise InputError(f"strategy must be one of {', '.join(STRATEGIES)}. Received: {strategy}")
    logger.info("Training on %s (%s).", distribution.description, reason)
    check_world_size(distribution.num_replicas, distribution.num_hosts)
    return distribution


def _detect() -> tuple[str, str]:
    launcher = next((name for name in LAUNCHER_VARIABLES if name in os.environ), None)
    if launcher:
        return "horovod", f"{launcher} is set"
    if (told := started_by()) is not None:
        return "multi_worker", f"{told} tells of several processes"
    gpus = len(tf.config.list_physical_devices("GPU"))
    if gpus > 1:
        return "mirrored", f"{gpus} GPUs and no launcher"
    return "single", f"{gpus} GPUs and no launcher"


def _mirrored_devices() -> list[str] | None:
    """All GPUs, or, where there are none, all logical CPU devices."""
    if tf.config.list_physical_devices("GPU"):
        return None
    return [device.name for device in tf.config.list_logical_devices("CPU")]


def _exchange_between(devices: Sequence[str] | None) -> tf.distribute.CrossDeviceOps | None:
    """How mirrored devices exchange tensors; None, all GPUs, is TensorFlow's choice: NCCL.

    That is by collective operations, of which TensorFlow keeps a record per step and exchange until
    the process ends (`CollectiveParamResolverLocal`), 1.5 to 3.4 KB each. Between CPUs they have no
    advantage.
    """
    return None if devices is None else tf.distribute.ReductionToOneDevice()


def _short_device_name(device: str) -> str:
    return ":".join(device.rsplit(":", 2)[-2:])

"""Training under Horovod: one process per replica."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from socket import gethostname
from typing import Any, TypeVar

import tensorflow as tf

from data_pipeline.batches.dataset import Batches
from data_pipeline.errors import InputError
from trainer.distribution.process_settings import set_horovod_defaults, share_cores
from trainer.distribution.processes.signs_of_life import first_on_chief
from trainer.distribution.replicas import ProcessReplicas
from trainer.distribution.watch import watch_anew

HOROVOD_TIMELINE, TIMELINE_ON_DEMAND = "HOROVOD_TIMELINE", "DYNAMIC"

Result = TypeVar("Result")


class Horovod:
    """One replica per process; the processes were started by `horovodrun`."""

    num_replicas: int

    def __init__(self, gradient_compression: str = "none") -> None:
        hvd = _import_horovod()
        set_horovod_defaults()
        hvd.init()
        self._hvd = hvd
        self._watch = watch_anew()
        self._use_own_gpu()
        share_cores(hvd.local_size())
        self.num_replicas = hvd.size()
        self.is_chief = hvd.rank() == 0
        self.replicas = ProcessReplicas(HorovodCollectives(hvd), gradient_compression)
        self.traffic = self.replicas.traffic
        self.num_hosts = hvd.cross_size()
        # Asked of the system: launchers carry their own HOSTNAME to every process.
        self.description = f"Horovod process {hvd.rank()} of {hvd.size()} on {gethostname()}"

    def _use_own_gpu(self) -> None:
        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            own = gpus[self._hvd.local_rank() % len(gpus)]
            tf.config.set_visible_devices(own, "GPU")
            tf.config.experimental.set_memory_growth(own, True)

    def scope(self) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext()

    def broadcast(self, variables: Sequence[Any]) -> None:
        self._hvd.broadcast_variables([v.value for v in variables], root_rank=0)
        self._watch.met()

    def broadcast_object(self, value: Any) -> Any:
        return self._hvd.broadcast_object(value, root_rank=0)

    def gather_objects(self, value: Any) -> list[Any]:
        return self._hvd.allgather_object(value, name="gather_objects")

    def largest(self, number: int) -> int:
        found = self._hvd.allreduce(tf.constant(number), op=self._hvd.Max, name="largest")
        self._watch.met()
        return int(found)

    def dataset(self, dataset_fn: Callable) -> Batches:
        size = self._hvd.size()
        context = tf.distribute.InputContext(size, self._hvd.rank(), size)
        return self._watch.each(dataset_fn(context))

    def run(self, replica_fn: Callable, args: tuple) -> Any:
        return replica_fn(*args)

    def sum_gradients(self, gradients: list, sums: list[tf.Tensor]) -> tuple[list, list]:
        return self.replicas.sum_gradients(gradients, sums)

    def update(
        self, write: Callable[[list, tf.Tensor], None], gradients: list, flag: tf.Tensor
    ) -> None:
        write(gradients, flag)

    def record_timeline(self, path: Path | None) -> None:
        if os.environ.get(HOROVOD_TIMELINE) != TIMELINE_ON_DEMAND:
            return  # the launcher was told to write one all the time, or none
        if path is None:
            self._hvd.stop_timeline()
        else:
            self._hvd.start_timeline(str(path))

    def wait_for_all(self) -> None:
        self._hvd.allreduce(tf.zeros([]), name="wait_for_all")

    def first_on_chief(self, work: Callable[[], Result]) -> Result | None:
        return first_on_chief(work, self.largest, is_chief=self.is_chief)


class HorovodCollectives:
    """`Collectives` under Horovod.

    Args:
        hvd: the module `horovod.tensorflow`, initialised.
    """

    flag_type = tf.uint8

    def __init__(self, hvd: Any):
        self._hvd = hvd
        self.size, self.rank = hvd.size(), hvd.rank()

    def sum(self, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
        return self._hvd.grouped_allreduce(tensors, op=self._hvd.Sum)

    def largest(self, tensor: tf.Tensor) -> tf.Tensor:
        return self._hvd.allreduce(tensor, op=self._hvd.Max)

    def gather(self, tensor: tf.Tensor, counts: tf.Tensor | None = None) -> tf.Tensor:
        return self._hvd.allgather(tensor)  # processes tell each other their sizes


def _import_horovod() -> Any:
    try:
        import horovod.tensorflow as hvd
    except ImportError as error:
        raise InputError(
            f"Horovod was asked for but cannot be imported ({error}). "
            "Install it with `make setup`, or in a checkout by `scripts/install_horovod.sh PYTHON`."
        ) from None
    return hvd

"""What a process sets before it trains beside others; the environment's own values are kept."""

from __future__ import annotations

import logging
import os
from collections.abc import MutableMapping

import tensorflow as tf

logger = logging.getLogger(__name__)

THREADS = "TF_NUM_INTRAOP_THREADS"
"""TensorFlow's variable: how many threads compute one operation. Who sets it decides."""

HOROVOD_DEFAULTS = {
    # Else tensors that happen to be ready share a buffer, and in a ring of three or more the order
    # of sums follows from where in the buffer a number lies.
    "HOROVOD_DISABLE_GROUP_FUSION": "1",
}
"""What differs from Horovod's own defaults."""

HOROVOD_CPU_DEFAULTS = {
    # A process that wants an exchange asks the others once per cycle whether they do, too. Where
    # they compute on the same cores, each question takes these from computing, several times what
    # it takes of an idle core.
    "HOROVOD_CYCLE_TIME": "3",
}
"""Where there is no GPU. With one Horovod's 1 ms stays: nothing waits for a core there, and a step
may take no longer than a few cycles."""


def set_horovod_defaults(environ: MutableMapping[str, str] = os.environ) -> None:
    """To be called before Horovod begins."""
    computing_on_cpu = not tf.config.list_physical_devices("GPU")
    defaults = HOROVOD_DEFAULTS | (HOROVOD_CPU_DEFAULTS if computing_on_cpu else {})
    for name, value in defaults.items():
        environ.setdefault(name, value)


def fair_share(own: set[int], parents: set[int], processes: int) -> int:
    """How many threads keep a machine as busy as it can be, and no busier.

    Args:
        own: the cores this process may use.
        parents: those that whoever started it may use.
        processes: how many processes of the job run on this machine.

    >>> fair_share({0, 1, 2, 3}, {0, 1, 2, 3}, 2)
    2
    >>> fair_share({0, 1}, {0, 1, 2, 3}, 2)  # the launcher has shared them out
    2
    """
    return len(own) if own < parents else max(len(own) // processes, 1)


def share_cores(processes: int) -> None:
    """Let TensorFlow use as many threads as this process' share of the machine's cores.

    Nothing changes where the environment names a number or, in a later world of an elastic job,
    TensorFlow is running already.

    Args:
        processes: how many processes of the job run on this machine.
    """
    threading = tf.config.threading
    if THREADS in os.environ or threading.get_intra_op_parallelism_threads():
        return
    own = os.sched_getaffinity(0)
    threads = fair_share(own, os.sched_getaffinity(os.getppid()), processes)
    if threads == len(own):
        return
    threading.set_intra_op_parallelism_threads(threads)
    threading.set_inter_op_parallelism_threads(threads)
    logger.info(
        "Computing in %d thread(s), since %d processes share %d cores (%s=N: in N).",
        *(threads, processes, len(own), THREADS),
    )


def divide_cores(devices: int) -> None:
    """Let an operation use as many threads as one of the CPU's devices has cores.

    Several operations go on at once, one per device: were each divided among all cores, they would
    wait for each other. Nothing changes where the environment names a number.

    Args:
        devices: as many as the CPU counts as.
    """
    if THREADS not in os.environ:
        own = os.sched_getaffinity(0)
        threads = fair_share(own, own, devices)
        tf.config.threading.set_intra_op_parallelism_threads(threads)

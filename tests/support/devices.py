"""The devices that the same training is tried on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Devices:
    """What a command is started with to train on them.

    Attributes:
        name: of the parameter of a test, and of its runs.
        processes: 1, or so many, joined by Horovod if no option asks for something else.
        options: of the command line.
    """

    name: str
    processes: int = 1
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


def mirrored(devices: int) -> tuple[str, ...]:
    """Options that train on so many devices in one process."""
    return ("--strategy", "mirrored", "--set", f"logical_cpu_devices={devices}")


MULTI_WORKER = ("--strategy", "multi_worker")
"""Options with which processes are joined by TensorFlow, not by Horovod."""

ONE = Devices("1")
MIRRORED_2 = Devices("2-mirrored", options=mirrored(2))
MIRRORED_4 = Devices("4-mirrored", options=mirrored(4))
HOROVOD_2 = Devices("2-horovod", processes=2)
HOROVOD_4 = Devices("4-horovod", processes=4)
MULTI_WORKER_2 = Devices("2-multi-worker", processes=2, options=MULTI_WORKER)
TWO = (MIRRORED_2, HOROVOD_2, MULTI_WORKER_2)
"""Two devices in each way that there is."""

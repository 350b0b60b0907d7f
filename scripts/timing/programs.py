"""What is measured: our training on some devices, or Rasa's, as a command and its environment."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from timing.side_by_side import side_by_side

from data_pipeline.errors import InputError
from trainer.distribution.distribution import STRATEGIES
from trainer.distribution.process_settings import THREADS

HERE = Path(__file__).resolve().parent
SINGLE, AUTO = "single", "auto"
RASA = "rasa"
OPERATIONS = "TF_NUM_INTEROP_THREADS"
"""TensorFlow's variable: how many operations go on at once."""
OUR_THREADS = (THREADS, OPERATIONS, "OMP_NUM_THREADS")
"""The last is that of oneDNN, which takes no more threads than it says."""
RASAS_THREADS = ("TF_INTRA_OP_PARALLELISM_THREADS", "TF_INTER_OP_PARALLELISM_THREADS")


@dataclass(frozen=True)
class Program:
    """A training to be measured.

    Attributes:
        name: what results call it.
        command: to be given the path of a job and the time of its start.
        variables: environment variables of the processes.
        options: settings of ours, such as `strategy=mirrored`.
    """

    name: str
    command: Sequence[str]
    variables: dict[str, str] = field(default_factory=dict)
    options: Sequence[str] = ()


def our_program(devices: str, threads: int | None) -> Program:
    """Ours on `STRATEGY` or `STRATEGY:COUNT` devices of this machine.

    Args:
        threads: of each device; None = what a process takes by itself.

    >>> mirrored = our_program("mirrored:2", threads=1)
    >>> mirrored.options
    ('strategy=mirrored', 'logical_cpu_devices=2')
    >>> [mirrored.variables[name] for name in (THREADS, OPERATIONS)]
    ['1', '2']
    """
    strategy, count = _parsed(devices)
    in_a_process = count if strategy == "mirrored" else 1
    options, variables = [f"strategy={strategy}"], _variables(OUR_THREADS, threads)
    if in_a_process > 1:
        options.append(f"logical_cpu_devices={count}")
        variables |= _variables((OPERATIONS,), threads and threads * in_a_process)
    return Program(
        devices,
        _started(strategy, count, [sys.executable, str(HERE / "ours.py")]),
        variables,
        tuple(options),
    )


def rasas_program(python: Path, threads: int | None) -> Program:
    """Rasa's own, by a Python that has it."""
    command = [str(python.absolute()), str(HERE / "rasas.py")]
    return Program(RASA, command, _variables((*OUR_THREADS, *RASAS_THREADS), threads))


def _parsed(devices: str) -> tuple[str, int]:
    strategy, _, given = devices.partition(":")
    count = given or "1"
    number = int(count) if count.isdecimal() else 0
    of_several = [name for name in STRATEGIES if name not in (SINGLE, AUTO)]
    if devices != SINGLE and (strategy not in of_several or number < 1):
        several = ", ".join(f"{name}:N" for name in of_several)
        raise InputError(f"devices must be {SINGLE} or one of {several}. Received: {devices}")
    return strategy, number


def _started(strategy: str, count: int, command: list[str]) -> list[str]:
    if strategy == "multi_worker":
        return side_by_side("TF_CONFIG", count, command)
    if strategy == "horovod":
        launcher = str(Path(sys.executable).with_name("horovodrun"))
        return [launcher, "--gloo", "-np", str(count), *command]
    return command


def _variables(names: Sequence[str], threads: int | None) -> dict[str, str]:
    return {} if threads is None else dict.fromkeys(names, str(threads))

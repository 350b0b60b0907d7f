"""Whether as many processes train as were asked for: a launcher that starts fewer says nothing.

Open MPI 5, for one, starts all processes on one machine when it does not find its list of hosts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from data_pipeline.errors import InputError

WORLD_SIZE = "DIET_TED_WORLD_SIZE"
MIN_WORLD_SIZE = "DIET_TED_MIN_WORLD_SIZE"
MAX_WORLD_SIZE = "DIET_TED_MAX_WORLD_SIZE"
"""Set in the jobs that `submit` renders: how many devices train; for elastic jobs two limits."""
WORLD_HOSTS = "DIET_TED_WORLD_HOSTS"
"""On how many hosts; not set for elastic jobs."""
ELASTIC = "HOROVOD_ELASTIC"
"""Set by `horovodrun` with a host discovery script."""


def is_elastic(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether processes may come and go, see `trainer/distribution/elastic.py`."""
    return environ.get(ELASTIC) == "1"


def check_world_size(devices: int, hosts: int, environ: Mapping[str, str] = os.environ) -> None:
    """Compare what there is with what the environment says was asked for, where it says so.

    Raises:
        InputError: it is not what was asked for.
    """
    asked = {name: _number(name, environ) for name in (WORLD_SIZE, WORLD_HOSTS) if name in environ}
    found = {WORLD_SIZE: devices, WORLD_HOSTS: hosts}
    least = _number(MIN_WORLD_SIZE, environ) if MIN_WORLD_SIZE in environ else devices
    most = _number(MAX_WORLD_SIZE, environ) if MAX_WORLD_SIZE in environ else devices
    wrong = [f"{name}={number}" for name, number in asked.items() if found[name] != number]
    if not least <= devices <= most:
        wrong.append(f"{MIN_WORLD_SIZE}={least} to {MAX_WORLD_SIZE}={most}")
    if wrong:
        raise InputError(
            f"{', '.join(wrong)} was asked for, but {devices} device(s) train on {hosts} host(s). "
            "Look at how the processes are started: number, host file, and GPUs that are visible."
        )


def _number(name: str, environ: Mapping[str, str]) -> int:
    try:
        return int(environ[name])
    except ValueError:
        raise InputError(f"{name} must be a whole number. Received: {environ[name]!r}") from None

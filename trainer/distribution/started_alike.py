"""Whether all processes were started alike; what differs would spoil the weights without a word."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from data_pipeline.errors import InputError
from data_pipeline.json_differences import json_differences
from trainer.distribution.distribution import Distribution

LIBRARIES = ("tensorflow", "keras", "numpy", "horovod")
OUR_PACKAGES = ("data_pipeline", "model", "trainer")
SHOWN = 5


def check_started_alike(distribution: Distribution, facts: Callable[[], dict[str, Any]]) -> None:
    """Compare what each process knows about its start with what the chief does.

    Args:
        facts: plain maps, lists and values; called only where there are several processes.

    Raises:
        InputError: on the chief: some process differs, and how. The others wait until it has ended.
    """
    if distribution.traffic is None:
        return
    of_chief, *of_others = distribution.gather_objects({**facts(), "code": code_version()})
    for rank, of_other in enumerate(of_others, start=1):
        different = json_differences(of_chief, of_other)
        if not different:
            continue
        if not distribution.is_chief:
            distribution.wait_for_all()  # one line is enough; fails when the chief has ended
        more = f"; and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
        raise InputError(
            f"Process {rank} was not started like process 0: {'; '.join(different[:SHOWN])}{more}. "
            "Start all with the same code, configuration and data."
        )


def code_version() -> dict[str, str]:
    """Versions of Python and libraries, and a digest of our own source."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parents[2]
    for path in sorted(path for name in OUR_PACKAGES for path in (root / name).rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    libraries = {library: _version(library) for library in LIBRARIES}
    return {"python": platform.python_version(), **libraries, "source": digest.hexdigest()[:12]}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # Horovod, which not all strategies need
        return "none"

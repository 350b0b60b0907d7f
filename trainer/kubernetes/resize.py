"""Whether a running job can get another number of workers."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from data_pipeline.errors import InputError
from trainer.distribution.world_size import MAX_WORLD_SIZE, MIN_WORLD_SIZE
from trainer.kubernetes.operator_rules import REPLICAS, operator_errors, value_at


def check_new_size(job: Mapping[str, Any], workers: int) -> None:
    """Refuse what the job was not made for.

    Raises:
        InputError: it is not elastic, or `workers` is outside its limits.
    """
    name = value_at(job, "metadata.name")
    launcher = value_at(job, f"{REPLICAS}.Launcher.template.spec.containers")[0]
    sizes = {item["name"]: item.get("value") for item in launcher.get("env") or []}
    if MIN_WORLD_SIZE not in sizes or MAX_WORLD_SIZE not in sizes:
        raise InputError(
            f"{name} is not elastic: its number of workers is fixed. "
            "Submit it with --min-workers and --max-workers."
        )
    slots = value_at(job, "spec.slotsPerWorker") or 1
    least, most = int(sizes[MIN_WORLD_SIZE]) // slots, int(sizes[MAX_WORLD_SIZE]) // slots
    if not least <= workers <= most:
        raise InputError(f"{name} takes {least} to {most} workers. Received: {workers}")
    resized = copy.deepcopy(dict(job))
    resized["spec"]["mpiReplicaSpecs"]["Worker"]["replicas"] = workers
    errors = operator_errors(resized)
    if errors:
        raise InputError(f"{name} would be refused: {'; '.join(errors)}")

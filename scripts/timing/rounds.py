"""The rounds of a benchmark: every program trains in turns, in a process of its own."""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from timing.programs import Program, our_program, rasas_program

from data_pipeline.errors import InputError
from trainer.config.project import Project
from trainer.config.settings import parse_setting

logger = logging.getLogger("benchmark")

HERE = Path(__file__).resolve().parent
COMPONENTS = {"diet": ("pipeline", "DIETClassifier"), "ted": ("policies", "TEDPolicy")}
OTHER_MODELS = ("DIETClassifier", "ResponseSelector", "TEDPolicy", "UnexpecTEDIntentPolicy")
"""Taken out of the configuration, but for the one that is measured."""
NEEDED_POLICIES = ("RulePolicy",)
"""Rasa refuses a domain with forms without them; they learn nothing that takes time."""


@dataclass(frozen=True)
class Job:
    """What is measured; the fields are options of `scripts/benchmark.py`.

    Attributes:
        scratch: a folder for configuration, runs and notes.
    """

    project: Project
    model: str
    settings: Sequence[str]
    augmentation: int
    epochs: int
    rounds: int
    devices: Sequence[str]
    threads: int | None
    rasa_python: Path | None
    scratch: Path


def measure(job: Job) -> dict[str, Any]:
    """Train `rounds` times with each program.

    Returns:
        For each of the job's devices and, if asked for, `rasa`: a list of figures per round; and
        `parts` of one step on one device.
    """
    programs = [our_program(devices, job.threads) for devices in job.devices]
    if job.rasa_python is not None:
        programs.append(rasas_program(job.rasa_python, job.threads))
    job.scratch.mkdir(parents=True)
    config = job.scratch / "config.yml"
    config.write_text(yaml.safe_dump(_configuration(job)), encoding="utf-8")
    results: dict[str, Any] = {program.name: [] for program in programs}
    for number in range(1, job.rounds + 1):
        for program in programs:
            logger.info("%s, round %d of %d: %s", job.model, number, job.rounds, program.name)
            notes, whole = _run(job, config, program, f"{program.name}-{number}")
            results[program.name].append(figures(notes, whole))
    logger.info("%s: the parts of a step", job.model)
    parts, _ = _run(job, config, our_program("single", job.threads), "parts")
    return {**results, "parts": parts}


def _configuration(job: Job) -> dict[str, Any]:
    """`config.yml` with the settings in it, and the measured model alone."""
    section, component = COMPONENTS[job.model]
    content = yaml.safe_load(job.project.config.read_text(encoding="utf-8"))
    settings = dict(parse_setting(text) for text in job.settings)
    kept = []
    for entry in content.get(section) or []:
        if entry["name"] == component:
            kept.append({**entry, **settings, "epochs": job.epochs})
        elif entry["name"] not in OTHER_MODELS:
            kept.append(entry)
    if not any(entry["name"] == component for entry in kept):
        raise InputError(f"{job.project.config}: {section} has no {component} to be measured.")
    if section == "policies":
        kept = [e for e in kept if e["name"] in (component, *NEEDED_POLICIES)]
    content[section] = kept
    return content


def _run(
    job: Job, config: Path, program: Program, name: str
) -> tuple[dict[str, Any], dict[str, float]]:
    """The notes of a process, and what the whole of it took."""
    directory = job.scratch / name.replace(":", "-")
    notes = directory.with_suffix(".notes.json")
    given = {
        "model": job.model,
        "config": str(config),
        "nlu": [str(path.absolute()) for path in job.project.nlu],
        "domain": [str(path.absolute()) for path in job.project.domain],
        "stories": [str(path.absolute()) for path in job.project.stories],
        "augmentation": job.augmentation,
        "options": list(program.options),
        "rounds": job.rounds,
        "parts": name == "parts",
        "directory": str(directory),
        "notes": str(notes),
    }
    path = directory.with_suffix(".job.json")
    path.write_text(json.dumps(given), encoding="utf-8")
    log = directory.with_suffix(".log")
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # Each in its own folder: Rasa keeps a cache where it is started, and would not train again.
    directory.with_suffix(".started-in").mkdir()
    paths = os.pathsep.join(map(str, _roots()))
    environment = {**os.environ, "PYTHONPATH": paths, **program.variables}
    with log.open("wb") as file:
        done = subprocess.run(
            [*program.command, str(path), str(time.time())],
            env=environment,
            cwd=directory.with_suffix(".started-in"),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or not notes.exists():
        end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise InputError(f"{program.name} failed:\n{end}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(notes.read_text(encoding="utf-8")), {"whole": seconds, "whole_cpu": used}


def _roots() -> tuple[Path, Path]:
    """Where our packages and these scripts lie."""
    return HERE.parents[1], HERE.parent


def figures(notes: dict[str, Any], whole: dict[str, float]) -> dict[str, Any]:
    """The figures of one training: of the epochs after the first, and of what happens once.

    >>> epochs = [{"seconds": s, "cpu_seconds": s, "steps": 4, "examples": 8, "exchange_seconds": 0}
    ...     for s in (9, 2, 3, 2)]
    >>> notes = {"epochs": epochs, "waits": [0.25, 0.75], "first_step": 5.5, "peak_bytes": 1e9}
    >>> found = figures({**notes, "before_training": 4.0}, {"whole": 30.0, "whole_cpu": 40.0})
    >>> found["epoch"], found["step"], found["first_step"], found["examples_per_second"]
    (2, 0.5, 5.0, 4.0)
    """
    epochs = notes["epochs"][1:]
    epoch = median(e["seconds"] for e in epochs)
    steps = epochs[-1]["steps"]
    examples = epochs[-1]["examples"]
    return {
        "epoch": epoch,
        "epoch_cpu": median(e["cpu_seconds"] for e in epochs),
        "step": epoch / steps,
        "examples_per_second": examples and examples / epoch,
        "exchange_per_step": median(e["exchange_seconds"] for e in epochs) / steps,
        "before_training": notes["before_training"],
        "first_step": notes["first_step"] - epoch / steps,
        "checkpoint": median(notes["waits"]),
        "peak_gb": notes["peak_bytes"] / 1e9,
        **whole,
    }

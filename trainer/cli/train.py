"""The commands that train: `train` and `prepare`."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from data_pipeline.errors import InputError
from data_pipeline.warnings_to_user import told_once
from trainer.cli.quiet_start import load_tensorflow

logger = logging.getLogger(__name__)

Command = TypeVar("Command", bound=Callable)
PATH = click.Path(path_type=Path)


def project_options(command: Command) -> Command:
    """--project, or --config with files; --model and --set."""
    for option in (
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="Override an option of a model (ted.KEY: of that one) or of trainer.yml.",
        ),
        click.option(
            "--model",
            help="The one model to train, such as diet or ted. [all]",
        ),
        click.option("--stories", type=PATH, multiple=True, help="Story file or folder."),
        click.option("--domain", type=PATH, multiple=True, help="Domain file or folder."),
        click.option("--nlu", type=PATH, multiple=True, help="NLU training file or folder."),
        click.option("--config", type=PATH, help="A Rasa config.yml."),
        click.option("--project", type=PATH, help="A Rasa project directory."),
    ):
        command = option(command)
    return command


@click.command()
@project_options
@click.option("--run-dir", type=PATH, help="Where results go; a run there goes on. [runs/NAME]")
@click.option("--prepared", type=PATH, help="A prepared data set to train on.")
@click.option("--fresh", is_flag=True, help="Start over, in a new directory.")
@click.option("--init-from", type=PATH, help="An earlier run to start from, on more data.")
@click.option("--epoch-fraction", type=float, help="With --init-from: part of the epochs to train.")
@click.option("--epochs", type=int, help="Overrides those of what is trained.")
@click.option("--seed", type=int, help="Overrides random_seed of what is trained.")
@click.option("--strategy", help="auto, single, mirrored, horovod or multi_worker.")
@click.option("--precision", help="float32, mixed_bfloat16 or mixed_float16.")
@click.option("--strict", is_flag=True, help="Warnings about the project's files are errors.")
@click.option("--profile", is_flag=True, help="Record where the time of ten steps goes.")
@told_once()
def train(
    project: Path | None,
    config: Path | None,
    nlu: tuple[Path, ...],
    domain: tuple[Path, ...],
    stories: tuple[Path, ...],
    model: str | None,
    settings: tuple[str, ...],
    run_dir: Path | None,
    prepared: Path | None,
    fresh: bool,
    init_from: Path | None,
    epoch_fraction: float | None,
    strict: bool,
    **flags: Any,
) -> None:
    """Train a project's models; the same command again goes on where it stopped."""
    load_tensorflow()
    from trainer.config.project import find_project
    from trainer.config.rasa_config import RasaConfig
    from trainer.run.chosen_tasks import chosen_models, tasks_of
    from trainer.run.request import TrainRequest
    from trainer.run.resolve import resolve_all, with_epoch_fraction
    from trainer.run.strictness import warnings_as_errors
    from trainer.run.train import train as run_training

    if epoch_fraction is not None and init_from is None:
        raise InputError("--epoch-fraction belongs to --init-from. Give --epochs instead.")
    found, reason = find_project(project, config, nlu, domain, stories)
    logger.info("Project: %s (%s).", found.name, reason)
    flags["random_seed"], profile = flags.pop("seed"), flags.pop("profile")
    with warnings_as_errors(strict):
        models = chosen_models(found, model, from_earlier_run=init_from is not None)
        configs = resolve_all(found, models, settings, flags)
        if epoch_fraction is not None:
            configs = [with_epoch_fraction(resolved, epoch_fraction) for resolved in configs]
        tasks = tasks_of(found, configs)
    request = TrainRequest(
        tasks=tasks,
        run_dir=run_dir or Path("runs") / found.name,
        prepared=prepared,
        fresh=fresh,
        init_from=init_from,
        profile=profile,
        strict=strict,
        components=RasaConfig.read(found.config).names(),
    )
    result = run_training(request)
    if result.is_chief:
        click.echo(result.summary)


@click.command()
@click.argument("project", type=PATH)
@click.option("--out", type=PATH, required=True, help="Directory of the prepared data set.")
@click.option("--model", help="As of `train`.")
@click.option("--processes", type=int, help="How many prepare NLU data. [1]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE")
@click.option("--init-from", type=PATH, help="For training that starts from this earlier run.")
@told_once()
def prepare(
    project: Path,
    out: Path,
    model: str | None,
    processes: int | None,
    settings: tuple[str, ...],
    init_from: Path | None,
) -> None:
    """Prepare a project's training data for `train --prepared`."""
    load_tensorflow()
    from trainer.config.project import Project
    from trainer.records.run_directory import RunDirectory
    from trainer.run.chosen_tasks import chosen_models, tasks_of
    from trainer.run.opening import data_set_folder
    from trainer.run.resolve import resolve_all

    found = Project.from_directory(project)
    models = chosen_models(found, model, from_earlier_run=init_from is not None)
    flags = {"prepare_processes": processes}
    tasks = tasks_of(found, resolve_all(found, models, settings, flags))
    for task in tasks:
        directory = data_set_folder(out, task.config, is_only=len(tasks) == 1)
        task.starting_from(init_from, RunDirectory(directory)).prepare(directory)
    given = {"--model": model, "--init-from": init_from}
    again = [word for flag, value in given.items() if value for word in (flag, value)]
    again += [word for setting in settings for word in ("--set", setting)]
    command = ("python", "-m", "trainer", "--project", project, "--prepared", out, *again)
    click.echo(f"Prepared data set: {out}\nNext: {shlex.join(map(str, command))}")

"""The command line: `python -m trainer [COMMAND]`; without a command it trains."""

from __future__ import annotations

import errno
import logging
import os
import socket
import sys
from pathlib import Path

import click

from data_pipeline.errors import InputError
from trainer.cli.answer import checkpoints, evaluate, export, predict
from trainer.cli.quiet_start import load_tensorflow
from trainer.cli.submit import submit
from trainer.distribution.speaker import RANK, set_up_logging, speaker
from trainer.errors import EXIT_ANOTHER_PROCESS, Stopped

logger = logging.getLogger(__name__)

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
"""Interrupted by Ctrl-C (SIGINT); 128 + the signal's number, as shells have it."""

ANOTHER_PROCESS_ENDED = (
    "Training ends, since another process failed, was lost or did not answer: see what that one or "
    "Horovod said. The same command goes on from the newest checkpoint."
)

NOT_OUR_FAULT = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
"""What an `OSError` says of the machine, wherever it is raised; others may be bugs."""

PATH = click.Path(path_type=Path)


class _TrainByDefault(click.Group):
    """Takes arguments that name no command as those of `train`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["train", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_TrainByDefault)
def cli() -> None:
    """Train Rasa's DIET and TED on any number of devices. Without a command: `train`."""


for command in (evaluate, predict, export, checkpoints, submit):
    cli.add_command(command)


def project_options(command):
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
            type=click.Choice(["diet", "ted"]),
            help="What to train. [all that is configured and has data]",
        ),
        click.option("--stories", type=PATH, multiple=True, help="Story file or folder."),
        click.option("--domain", type=PATH, multiple=True, help="Domain file or folder."),
        click.option("--nlu", type=PATH, multiple=True, help="NLU training file or folder."),
        click.option("--config", type=PATH, help="A Rasa config.yml."),
        click.option("--project", type=PATH, help="A Rasa project directory."),
    ):
        command = option(command)
    return command


@cli.command()
@project_options
@click.option("--run-dir", type=PATH, help="Where results go; a run there goes on. [runs/NAME]")
@click.option("--prepared", type=PATH, help="A prepared data set to train on.")
@click.option("--fresh", is_flag=True, help="Start over, in a new directory.")
@click.option("--init-from", type=PATH, help="An earlier run to start from, on more data.")
@click.option("--epoch-fraction", type=float, help="With --init-from: part of the epochs to train.")
@click.option("--epochs", type=int, help="Overrides those of what is trained.")
@click.option("--seed", type=int, help="Overrides random_seed of what is trained.")
@click.option("--strategy", help="auto, single, mirrored or horovod.")
@click.option("--precision", help="float32, mixed_bfloat16 or mixed_float16.")
@click.option("--profile", is_flag=True, help="Record where the time of ten steps goes.")
def train(
    project,
    config,
    nlu,
    domain,
    stories,
    model,
    settings,
    run_dir,
    prepared,
    fresh,
    init_from,
    epoch_fraction,
    **flags,
) -> None:
    """Train DIET, TED or both on a project; the same command again goes on where it stopped."""
    load_tensorflow()
    from trainer.config.project import find_project
    from trainer.config.resolve import resolve_all
    from trainer.diet.warm_start import with_epoch_fraction
    from trainer.run.chosen_tasks import chosen_models, make_task
    from trainer.run.train import TrainRequest
    from trainer.run.train import train as run_training

    if epoch_fraction is not None and init_from is None:
        raise InputError("--epoch-fraction belongs to --init-from. Give --epochs instead.")
    found, reason = find_project(project, config, nlu, domain, stories)
    logger.info("Project: %s (%s).", found.name, reason)
    flags["random_seed"], profile = flags.pop("seed"), flags.pop("profile")
    models = chosen_models(found, model, from_earlier_run=init_from is not None)
    configs = resolve_all(found, models, settings, flags)
    if epoch_fraction is not None:
        configs = [with_epoch_fraction(resolved, epoch_fraction) for resolved in configs]
    request = TrainRequest(
        tasks=[make_task(found, resolved) for resolved in configs],
        run_dir=run_dir or Path("runs") / found.name,
        prepared=prepared,
        fresh=fresh,
        init_from=init_from,
        profile=profile,
    )
    result = run_training(request)
    if result is not None:
        click.echo(result)


@cli.command()
@click.argument("project", type=PATH)
@click.option("--out", type=PATH, required=True, help="Directory of the prepared data set.")
@click.option("--model", type=click.Choice(["diet", "ted"]), help="As of `train`.")
@click.option("--processes", type=int, help="How many prepare NLU data. [1]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE")
@click.option("--init-from", type=PATH, help="For training that starts from this earlier run.")
def prepare(
    project: Path, out: Path, model: str | None, processes, settings, init_from: Path | None
) -> None:
    """Prepare a project's training data for `train --prepared`."""
    load_tensorflow()
    from trainer.config.project import Project
    from trainer.config.resolve import resolve_all
    from trainer.records.run_directory import RunDirectory
    from trainer.run.chosen_tasks import chosen_models, make_task
    from trainer.run.train import place_of

    found = Project.from_directory(project)
    models = chosen_models(found, model, from_earlier_run=init_from is not None)
    flags = {"prepare_processes": processes}
    for number, config in enumerate(resolve_all(found, models, settings, flags)):
        directory = out / place_of(number, config)
        task = make_task(found, config).starting_from(init_from, RunDirectory(directory))
        task.prepare(directory)
    click.echo(
        f"Prepared data set: {out}\nNext: python -m trainer --project {project} --prepared {out}"
    )


def main() -> None:
    """Run the command line.

    Bad input is one line and exit code 2; an interruption with a checkpoint exits with 128 + the
    signal's number; a bug keeps its traceback. When one of several processes fails, the others say
    in one line that it was not they (exit code 3).
    """
    set_up_logging()
    try:
        cli(standalone_mode=False)
    except InputError as error:
        _end(f"Error: {error}", EXIT_BAD_INPUT)
    except click.ClickException as error:
        _end(f"Error: {error.format_message()} See --help.", EXIT_BAD_INPUT)
    except Stopped as stopped:
        _end(str(stopped), 128 + stopped.signal_number)
    except click.Abort:
        _end("Interrupted.", EXIT_INTERRUPTED)
    except OSError as error:
        if error.errno not in NOT_OUR_FAULT:
            raise
        _end(f"Error: {error.filename or 'writing'}: {error.strerror}.", EXIT_BAD_INPUT)
    except Exception as error:
        _say_whose_it_is(error)
        raise


def _say_whose_it_is(error: Exception) -> None:
    """Of several processes: end with one line if the error is another one's, else name this one."""
    rank = os.environ.get(RANK)
    if rank is None:
        return
    load_tensorflow()
    from trainer.distribution.failures import is_of_another_process

    if is_of_another_process(error):
        _end(ANOTHER_PROCESS_ENDED, EXIT_ANOTHER_PROCESS)
    click.echo(f"Process {rank} on {socket.gethostname()} failed, and training ends:", err=True)


def _end(line: str, exit_code: int) -> None:
    click.echo(f"{speaker()}{line}", err=True)
    sys.exit(exit_code)

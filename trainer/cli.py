"""The command line: `python -m trainer [COMMAND]`; without a command it trains."""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from data_pipeline.errors import InputError
from trainer.errors import Stopped
from trainer.quiet_start import load_tensorflow
from trainer.submit_cli import submit

logger = logging.getLogger(__name__)

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
"""Interrupted by Ctrl-C (SIGINT); 128 + the signal's number, as shells have it."""

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
    """Train Rasa's DIET on any number of devices. Without a command: `train`."""


cli.add_command(submit)


def project_options(command):
    """--project, or --config and --nlu, and --set."""
    for option in (
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="Override an option of DIET or of trainer.yml.",
        ),
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
@click.option("--epochs", type=int, help="Overrides DIETClassifier's.")
@click.option("--seed", type=int, help="Overrides DIETClassifier's random_seed.")
@click.option("--strategy", help="auto, single, mirrored or horovod.")
@click.option("--precision", help="float32, mixed_bfloat16 or mixed_float16.")
@click.option("--profile", is_flag=True, help="Record where the time of ten steps goes.")
def train(
    project, config, nlu, settings, run_dir, prepared, fresh, init_from, epoch_fraction, **flags
) -> None:
    """Train DIET on a project; the same command again goes on where it stopped."""
    load_tensorflow()
    from trainer.config import resolve
    from trainer.project import find_project
    from trainer.run import TrainRequest
    from trainer.run import train as run_training
    from trainer.warm_start import with_epoch_fraction

    if epoch_fraction is not None and init_from is None:
        raise InputError("--epoch-fraction belongs to --init-from. Give --epochs instead.")
    found, reason = find_project(project, config, nlu)
    logger.info("Project: %s (%s).", found.name, reason)
    flags["random_seed"], profile = flags.pop("seed"), flags.pop("profile")
    resolved = resolve(found, settings, flags)
    if epoch_fraction is not None:
        resolved = with_epoch_fraction(resolved, epoch_fraction)
    request = TrainRequest(
        project=found,
        config=resolved,
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
@click.option("--processes", type=int, default=1, show_default=True)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE")
@click.option("--init-from", type=PATH, help="For training that starts from this earlier run.")
def prepare(project: Path, out: Path, processes: int, settings, init_from: Path | None) -> None:
    """Prepare a project's training data for `train --prepared`."""
    load_tensorflow()
    from data_pipeline.prepare import prepare as prepare_dataset
    from trainer.config import resolve
    from trainer.project import Project
    from trainer.warm_start import feature_settings

    found = Project.from_directory(project)
    features = feature_settings(resolve(found, settings), init_from)
    prepare_dataset(found.nlu, features, out, processes=processes)
    click.echo(
        f"Prepared data set: {out}\nNext: python -m trainer --project {project} --prepared {out}"
    )


@cli.command()
@click.argument("run_dir", type=PATH)
@click.option("--nlu", type=PATH, multiple=True, required=True, help="Test file or folder.")
@click.option("--json", "json_file", type=PATH, help="Write the figures to this file.")
def evaluate(run_dir: Path, nlu: tuple[Path, ...], json_file: Path | None) -> None:
    """Measure a trained run on test messages: intents and entities."""
    load_tensorflow()
    from trainer.answers import TrainedRun
    from trainer.evaluate import evaluate as run_evaluation

    evaluation = run_evaluation(TrainedRun.load(run_dir), nlu)
    if evaluation.intent_table:
        click.echo(f"Intents\n{evaluation.intent_table}")
    if evaluation.entity_table:
        click.echo(f"Entities, per token\n{evaluation.entity_table}")
    text = json.dumps(evaluation.figures, indent=1)
    click.echo(text)
    if json_file is not None:
        write_text(json_file, text + "\n")


@cli.command()
@click.argument("run_dir", type=PATH)
@click.argument("texts", nargs=-1)
@click.option(
    "--file",
    "text_file",
    type=click.File(encoding="utf-8"),
    help="Texts, one per line; - for standard input.",
)
def predict(run_dir: Path, texts: tuple[str, ...], text_file) -> None:
    """Answer texts given as arguments, in a file, or typed: a JSON line each, as Rasa's."""
    load_tensorflow()
    from trainer.answers import TrainedRun

    run = TrainedRun.load(run_dir)
    if texts or text_file is not None:
        for answer in run.answer([*texts, *_lines(text_file or ())]):
            click.echo(json.dumps(answer, ensure_ascii=False))
        return
    click.echo("Type a message; an empty line or Ctrl-D ends.", err=True)
    while text := _typed_line():
        click.echo(json.dumps(next(run.answer([text])), ensure_ascii=False, indent=1))


@cli.command()
@click.argument("run_dir", type=PATH)
@click.option("--out", type=PATH, help="Directory of the SavedModel. [RUN_DIR/saved_model]")
def export(run_dir: Path, out: Path | None) -> None:
    """Write a trained run as a SavedModel."""
    load_tensorflow()
    from trainer.answers import TrainedRun
    from trainer.export import export as write_saved_model

    written = write_saved_model(TrainedRun.load(run_dir), out or run_dir / "saved_model")
    click.echo(f"SavedModel: {written}\nNext: saved_model_cli show --dir {written} --all")


@cli.command()
@click.argument("run_dir", type=PATH)
def checkpoints(run_dir: Path) -> None:
    """List a run's checkpoints: step, epoch, size, whether whole, newest and best, metrics."""
    load_tensorflow()
    from trainer.checkpoint_list import checkpoint_table

    click.echo(checkpoint_table(run_dir))


def write_text(path: Path, text: str) -> None:
    """Write a file the user named."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except FileExistsError as error:  # by `mkdir`, which means the opposite
        raise InputError(f"Cannot write {path}: {error.filename} is not a directory.") from None
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror or error}.") from None


def _lines(file: Iterable[str]) -> list[str]:
    try:
        return [line.rstrip("\r\n") for line in file]
    except UnicodeDecodeError as error:
        raise InputError(f"--file: {file.name} is not UTF-8 text ({error.reason}).") from None


def _typed_line() -> str:
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""


def main() -> None:
    """Run the command line.

    Bad input is one line and exit code 2; an interruption with a checkpoint exits with 128 + the
    signal's number; a bug keeps its traceback.
    """
    speaker = _speaker()
    logging.basicConfig(
        level=logging.WARNING if speaker else logging.INFO,
        format=f"{speaker}%(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("tensorflow").setLevel(logging.WARNING)
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


def _speaker() -> str:
    """What a process other than the chief writes before its lines: which one it is, and where."""
    rank = os.environ.get("HOROVOD_RANK", "0")
    # Not HOSTNAME, which launchers carry from their own host to every process.
    return "" if rank == "0" else f"[rank {rank} on {socket.gethostname()}] "


def _end(line: str, exit_code: int) -> None:
    click.echo(f"{_speaker()}{line}", err=True)
    sys.exit(exit_code)

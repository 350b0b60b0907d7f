"""The command line: `python -m trainer [COMMAND]`; without a command it trains."""

from __future__ import annotations

import errno
import socket
import sys

import click

from data_pipeline.errors import InputError
from trainer.cli.answer import checkpoints, evaluate, export, predict
from trainer.cli.config import config
from trainer.cli.quiet_start import load_tensorflow
from trainer.cli.serve import serve
from trainer.cli.submit import submit
from trainer.cli.train import prepare, train
from trainer.distribution.speaker import rank, set_up_logging, speaker
from trainer.errors import EXIT_ANOTHER_PROCESS, OthersMissing, Stopped

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
"""Interrupted by Ctrl-C (SIGINT); 128 + the signal's number, as shells have it."""

ANOTHER_PROCESS_ENDED = (
    "Training ends, since another process failed, was lost or did not answer: see what that one or "
    "its launcher said. The same command goes on from the newest checkpoint."
)

NOT_OUR_FAULT = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
"""What an `OSError` says of the machine, wherever it is raised; others may be bugs."""


class _TrainByDefault(click.Group):
    """Takes arguments that name no command as those of `train`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["train", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_TrainByDefault)
def cli() -> None:
    """Train the models of a Rasa project, DIET, TED and others, on any number of devices.

    Without a command: `train`.
    """


for command in (train, prepare, config, evaluate, predict, export, checkpoints, serve, submit):
    cli.add_command(command)


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
    except OthersMissing as missing:
        _end(str(missing), EXIT_ANOTHER_PROCESS)
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
    if rank() is None:
        return
    load_tensorflow()
    from trainer.distribution.failures import is_of_another_process

    if is_of_another_process(error):
        _end(ANOTHER_PROCESS_ENDED, EXIT_ANOTHER_PROCESS)
    click.echo(f"Process {rank()} on {socket.gethostname()} failed, and training ends:", err=True)


def _end(line: str, exit_code: int) -> None:
    click.echo(f"{speaker()}{line}", err=True)
    sys.exit(exit_code)

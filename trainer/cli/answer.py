"""The commands that look at a trained run: `evaluate`, `predict`, `export`, `checkpoints`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from data_pipeline.errors import InputError
from trainer.cli.quiet_start import load_tensorflow

if TYPE_CHECKING:
    from trainer.trained_run import TrainedRun

PATH = click.Path(path_type=Path)
PIPELINE, POLICIES = "pipeline", "policies"
"""The sections of `config.yml`: who answers messages, who goes on with dialogues."""


@click.command()
@click.argument("run_dir", type=PATH)
@click.option("--nlu", type=PATH, multiple=True, help="Test messages: file or folder.")
@click.option("--stories", type=PATH, multiple=True, help="Test stories: file or folder.")
@click.option("--json", "json_file", type=PATH, help="Write the figures to this file.")
@click.option("--failures", type=PATH, help="Write the stories that went wrong to this file.")
def evaluate(
    run_dir: Path,
    nlu: tuple[Path, ...],
    stories: tuple[Path, ...],
    json_file: Path | None,
    failures: Path | None,
) -> None:
    """Measure a trained run on test messages (--nlu) or on test stories (--stories)."""
    if bool(nlu) == bool(stories):
        raise InputError(
            "evaluate takes either --nlu PATH (test messages) or --stories PATH (test stories)."
        )
    if failures is not None and not stories:
        raise InputError("--failures belongs to --stories.")
    load_tensorflow()
    from trainer.trained_run import TrainedRun

    run = TrainedRun(run_dir)
    evaluation = run.evaluate(nlu=nlu, stories=stories)
    _tell_left_out(run, PIPELINE if nlu else POLICIES)
    if failures is not None and evaluation.failures is not None:
        write_text(failures, evaluation.failures + "\n")
    for title, table in evaluation.tables.items():
        if table:
            click.echo(f"{title}\n{table}")
    text = json.dumps(evaluation.figures, indent=1)
    click.echo(text)
    if json_file is not None:
        write_text(json_file, text + "\n")


@click.command()
@click.argument("run_dir", type=PATH)
@click.argument("texts", nargs=-1)
@click.option(
    "--file",
    "text_file",
    type=click.File(encoding="utf-8"),
    help="Texts, one per line; - for standard input.",
)
@click.option("--stories", type=PATH, multiple=True, help="Dialogues to go on with.")
@click.option("--dialogue", is_flag=True, help="Type a dialogue; the bot answers.")
def predict(
    run_dir: Path,
    texts: tuple[str, ...],
    text_file: TextIO | None,
    stories: tuple[Path, ...],
    dialogue: bool,
) -> None:
    """Answer texts given as arguments, in a file, or typed: a JSON line each, as Rasa's.

    Of dialogues: what the bot does next in each of the --stories, or in one that is typed.
    """
    load_tensorflow()
    from trainer.trained_run import TrainedRun

    if stories or dialogue:
        _predict_actions(run_dir, stories)
        return
    run = TrainedRun(run_dir)
    _tell_left_out(run, PIPELINE)
    if texts or text_file is not None:
        for answer in run.answers([*texts, *(_lines(text_file) if text_file else ())]):
            click.echo(json.dumps(answer, ensure_ascii=False))
        return
    click.echo("Type a message; an empty line or Ctrl-D ends.", err=True)
    while text := _typed_line():
        click.echo(json.dumps(run.answer(text), ensure_ascii=False, indent=1))


def _predict_actions(run_dir: Path, stories: tuple[Path, ...]) -> None:
    from trainer.cli.conversation import HELP, continue_stories, converse
    from trainer.trained_run import TrainedRun

    run = TrainedRun(run_dir)
    _tell_left_out(run, *(() if stories else (PIPELINE,)), POLICIES)
    for answer in continue_stories(run, stories) if stories else ():
        click.echo(json.dumps(answer, ensure_ascii=False))
    if not stories:
        click.echo(HELP, err=True)
        converse(run, _typed_line, click.echo)


def _tell_left_out(run: TrainedRun, *sections: str) -> None:
    """Say, where the answers do not go, what else would answer in Rasa."""
    if left_out := run.answering_elsewhere(*sections):
        click.echo(
            f"Answers are those of the trained models alone; in Rasa {', '.join(left_out)} "
            f"{'answers' if len(left_out) == 1 else 'answer'}, too.",
            err=True,
        )


@click.command()
@click.argument("run_dir", type=PATH)
@click.option("--out", type=PATH, help="Folder of numbered versions. [RUN_DIR/saved_model]")
@click.option(
    "--allow-missing-features", is_flag=True, help="Leave out regexes that TensorFlow cannot run."
)
@click.option("--half", is_flag=True, help="Store wide kernels in bfloat16: half of the size.")
@click.option("--no-verify", is_flag=True, help="Do not ask it in a clean process first.")
@click.option("--licence", help="Of the training data, for the model card.")
def export(
    run_dir: Path,
    out: Path | None,
    allow_missing_features: bool,
    half: bool,
    no_verify: bool,
    licence: str | None,
) -> None:
    """Write a trained run as a SavedModel that takes raw text.

    It becomes the next numbered version in the folder, as TensorFlow Serving wants it; no older one
    is touched.
    """
    load_tensorflow()
    from trainer.export.saved_model import ExportOptions
    from trainer.trained_run import TrainedRun

    options = ExportOptions(
        allow_missing_features=allow_missing_features,
        half=half,
        verify=not no_verify,
        licence=licence,
    )
    written = TrainedRun(run_dir).export(out, options)
    click.echo(f"SavedModel: {written}\nNext: saved_model_cli show --dir {written} --all")


@click.command()
@click.argument("run_dir", type=PATH)
def checkpoints(run_dir: Path) -> None:
    """List a run's checkpoints: step, epoch, size, whether whole, newest and best, metrics."""
    load_tensorflow()
    from trainer.records.checkpoint_list import checkpoint_table

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


def _lines(file: TextIO) -> list[str]:
    try:
        return [line.rstrip("\r\n") for line in file]
    except UnicodeDecodeError as error:
        raise InputError(f"--file: {file.name} is not UTF-8 text ({error.reason}).") from None


def _typed_line() -> str:
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return ""

"""From a trained run to a SavedModel that needs nothing of this project to be served."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from data_pipeline.atomic_files import write_version
from data_pipeline.errors import InputError
from data_pipeline.file_hashes import sha256_of
from trainer.checkpoints.checkpoint import checkpoints, read_state
from trainer.export.model_card import model_card, sentence_of_half, write_card
from trainer.export.warmup import write_warmup
from trainer.models import model_named
from trainer.records.run_directory import RunDirectory
from trainer.signatures.exported_model import EXTRA_ASSETS
from trainer.signatures.half_precision import cost_of_half, round_to_half
from trainer.signatures.verify import ask, verify

logger = logging.getLogger(__name__)

SUMS_FILE = "SHA256SUMS"


@dataclass(frozen=True)
class ExportOptions:
    """What may be wished for.

    Attributes:
        allow_missing_features: whether to leave out regexes that have no form in the graph.
        half: whether wide kernels, which are most of a model, are written in bfloat16.
        verify: whether to ask what was written, in a process of its own, before it is published.
        licence: of the training data, for the model card.
    """

    allow_missing_features: bool = False
    half: bool = False
    verify: bool = True
    licence: str | None = None


def export(run: RunDirectory, directory: Path, options: ExportOptions | None = None) -> Path:
    """Write what the run came to as the next numbered version in `directory`: 1, 2, and so on.

    The layout is TensorFlow Serving's. In a version's folder are the SavedModel; `assets.extra/`
    with what was learnt from the data, the model card and a request to warm up with; and
    `SHA256SUMS`. It appears complete or not at all, and no older version is touched.

    Returns:
        The version's folder.

    Raises:
        InputError: the run has no usable checkpoint; the directory is something else, cannot be
            written, or what was written does not answer as the checkpoint does.
    """
    options = options or ExportOptions()
    task = model_named(run.existing_model())
    _check_place(directory)
    trained = task.load(run.path)
    facts: dict[str, Any] = run.facts() or {}
    sources = [Path(path) for path in facts.get("sources", ())]
    served = task.served(trained, sources, leave_out_regexes=options.allow_missing_features)

    def write(folder: Path) -> None:
        signatures = served.save(folder, half=options.half)
        extra = folder / EXTRA_ASSETS
        extra.mkdir()
        trained.fitted.save(extra)
        if served.example is not None:
            write_warmup(extra, served.example)
        card = model_card(
            task.model,
            facts,
            step=trained.step,
            metrics=_metrics(run, trained.step),
            signatures=signatures,
            missing=served.missing,
            licence=options.licence,
        )
        if options.verify:
            answers = ask(folder, served.checks)
            if options.half:
                card["half"] = cost_of_half(served.checks, answers)
                logger.info("%s", sentence_of_half(card["half"]))
                round_to_half(trained.model)
            card["verified"] = verify(served.checks, answers)
        write_card(card, extra)
        _write_sums(folder)

    try:
        return write_version(directory, write)
    except (OSError, tf.errors.OpError) as error:
        reason = error.message if isinstance(error, tf.errors.OpError) else error.strerror or error
        raise InputError(f"Cannot write a SavedModel to {directory}: {reason}.") from error


def _check_place(directory: Path) -> None:
    if (directory / "saved_model.pb").is_file():
        raise InputError(
            f"{directory} holds a SavedModel without a number, as earlier versions wrote it. "
            "Choose another --out, or move it to a folder 1 within."
        )
    if directory.exists() and not _holds_versions_only(directory):
        raise InputError(f"{directory} exists and is not a SavedModel. Choose another --out.")


def _holds_versions_only(directory: Path) -> bool:
    return directory.is_dir() and all(
        path.name.isdecimal() or path.name.startswith(".") for path in directory.iterdir()
    )


def _metrics(run: RunDirectory, step: int) -> dict[str, Any] | None:
    """The figures recorded with the checkpoint of this step, if it is still there."""
    for path in checkpoints(run.checkpoints):
        with suppress(FileNotFoundError):  # a training that goes on deletes old ones
            state = read_state(path)
            if state["position"]["step"] == step:
                return state["metrics"]
    return None


def _write_sums(folder: Path) -> None:
    """As `sha256sum` writes and checks them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / SUMS_FILE).write_text("".join(lines))

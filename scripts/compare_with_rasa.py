"""Trains a project's NLU models here and in Rasa, on the same files, and compares their answers.

    python scripts/compare_with_rasa.py PROJECT --rasa RASA [--epochs 30] [--keep FOLDER]

A fifth of the messages of every intent (of a retrieval intent: of every response) is held out. Both
sides read the rest from the same JSON file, have the same pipeline (tokenizer, featurizers,
DIETClassifier, EntitySynonymMapper, ResponseSelector) with the same options, and answer the same
held-out messages. `RASA` is the command `rasa` of an environment that has it.

With `--keep` the figures of every seed stay in FOLDER, and the same command goes on after them when
it was interrupted.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import yaml

from data_pipeline.atomic_files import write_file
from data_pipeline.rasa_files.nlu_files import NluData, read_nlu
from data_pipeline.rasa_files.training_items import Message
from data_pipeline.responses.response_files import read_responses
from trainer.config.project import Project
from trainer.config.rasa_config import PIPELINE, RasaConfig

PATH = click.Path(path_type=Path, exists=True)
ROOT = Path(__file__).resolve().parents[1]
MODELS = ("DIETClassifier", "ResponseSelector")
FIGURES = ("intent accuracy", "entity micro F1 per token", "response accuracy")

Figures = list[float | None]


def hold_out(messages: Sequence[Message], one_of: int) -> tuple[list[Message], list[Message]]:
    """Training and test messages; a label of fewer messages than `one_of` is in training only."""
    by_label: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        by_label[message.response_key or message.intent or ""].append(message)
    training, test = [], []
    for label in sorted(by_label):
        shuffled = random.Random(label).sample(by_label[label], len(by_label[label]))
        size = len(shuffled) // one_of
        test += shuffled[:size]
        training += shuffled[size:]
    return training, test


def rasa_json(messages: Iterable[Message], rest: NluData | None = None) -> dict[str, Any]:
    """Rasa's JSON format, which both sides read; with synonyms, patterns and tables if given."""
    examples = [
        {
            "text": message.text,
            "intent": message.response_key or message.intent,
            "entities": [
                {key: value for key, value in asdict(entity).items() if value is not None}
                for entity in message.entities
            ],
        }
        for message in messages
    ]
    if rest is None:
        return {"rasa_nlu_data": {"common_examples": examples}}
    synonyms = [{"value": value, "synonyms": [text]} for text, value in rest.synonyms.items()]
    regexes = [{"name": regex.name, "pattern": regex.pattern} for regex in rest.regexes]
    lookups = [{"name": table.name, "elements": list(table.elements)} for table in rest.lookups]
    return {
        "rasa_nlu_data": {
            "common_examples": examples,
            "entity_synonyms": synonyms,
            "regex_features": regexes,
            "lookup_tables": lookups,
        }
    }


def write_files(project: Project, config: Path, epochs: int, one_of: int, folder: Path) -> None:
    """`config.yml`, `data/` and `test/` for both sides.

    Raises:
        ClickException: the folder has a comparison of other messages or options.
    """
    data = read_nlu(project.nlu)
    training, test = hold_out(data.messages, one_of)
    click.echo(f"{len(training)} messages for training, {len(test)} held out.", err=True)
    for name in ("data", "test"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write(folder / "data/nlu.json", json.dumps(rasa_json(training, data)))
    _write(folder / "test/nlu.json", json.dumps(rasa_json(test)))
    responses = {"responses": read_responses(project.nlu, project.domain).to_json()}
    _write(folder / "data/responses.yml", yaml.safe_dump({"version": "3.1", **responses}))
    rasa = RasaConfig.read(config)
    used = {c["name"] for c in rasa.featurizing()} | {*MODELS, "EntitySynonymMapper"}
    pipeline = [dict(c) for c in rasa.components(PIPELINE) if c["name"] in used]
    for component in pipeline:
        if component["name"] in MODELS:
            component["epochs"] = epochs
    content = {"recipe": "default.v1", "language": rasa.language, "pipeline": pipeline}
    _write(folder / "config.yml", yaml.safe_dump({**content, "assistant_id": "compared"}))


def ours(folder: Path, seed: int) -> Figures:
    """What is got right here, by `FIGURES`."""
    run, figures = folder / f"run-{seed}", folder / f"evaluated-{seed}.json"
    files = ("--config", "config.yml", "--nlu", "data", "--run-dir", run)
    trainer = (sys.executable, "-m", "trainer")
    _do(folder, *trainer, *files, "--seed", seed)
    _do(folder, *trainer, "evaluate", run, "--nlu", "test", "--json", figures)
    found = json.loads(figures.read_text(encoding="utf-8"))
    entity, responses = found["entity"], found.get("response_selector", {})
    return [
        found["intent"].get("accuracy"),
        entity["token_micro_f1"] if entity["gold_spans"] else None,
        responses.get("accuracy"),
    ]


def rasas(folder: Path, seed: int, rasa: str) -> Figures:
    """What Rasa gets right, by `FIGURES`."""
    config, out = folder / f"config-{seed}.yml", folder / f"rasa-{seed}"
    shutil.rmtree(out, ignore_errors=True)  # of an interrupted run; Rasa does not go on with it
    content = yaml.safe_load((folder / "config.yml").read_text(encoding="utf-8"))
    for component in content[PIPELINE]:
        if component["name"] in MODELS:
            component["random_seed"] = seed
    _write(config, yaml.safe_dump(content))
    _do(folder, rasa, "train", "nlu", "--config", config, "--nlu", "data", "--out", out)
    model = next(out.glob("*.tar.gz"))
    _do(folder, rasa, "test", "nlu", "-m", model, "-u", "test", "--out", out, "--no-plot")
    entity = _report(out / "DIETClassifier_report.json")
    return [
        _accuracy(_report(out / "intent_report.json")),
        entity.get("micro avg", {}).get("f1-score"),
        _accuracy(_report(out / "response_selection_report.json")),
    ]


def _report(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _accuracy(report: dict[str, Any]) -> float | None:
    """Where a label was predicted that no message has, scikit-learn calls it otherwise."""
    return report.get("accuracy", report.get("micro avg", {}).get("f1-score"))


def _do(folder: Path, *command: str | int | Path) -> None:
    """Run a command on the folder's files, and show what it says only if it fails."""
    words = list(map(str, command))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RASA_TELEMETRY_ENABLED": "false"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(f"{' '.join(words)}\n{done.stdout}\n{done.stderr}")


def _write(path: Path, text: str) -> None:
    """What is there already has to be the same, or figures of two comparisons would mix."""
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise click.ClickException(f"{path} is of another comparison: name another folder.")
    write_file(path, text)


def measured(path: Path, measure: Callable[[], Figures]) -> Figures:
    """The figures that the file has, by `FIGURES`; measured and written first if there is none."""
    if not path.is_file():
        write_file(path, json.dumps(dict(zip(FIGURES, measure(), strict=True)), indent=2))
    figures = json.loads(path.read_text(encoding="utf-8"))
    return [figures[name] for name in FIGURES]


def _row(name: str, figures: Sequence[float | None]) -> str:
    cells = ["" if figure is None else f"{figure:.3f}" for figure in figures]
    return f"| {' | '.join([name, *cells])} |"


def _mean(rows: Sequence[Sequence[float | None]]) -> list[float | None]:
    columns = [[cell for cell in column if cell is not None] for column in zip(*rows, strict=True)]
    return [sum(column) / len(column) if column else None for column in columns]


@click.command()
@click.argument("project", type=PATH)
@click.option("--rasa", required=True, help="The command `rasa` of an environment with Rasa.")
@click.option("--config", type=PATH, help="Its pipeline. [the project's]")
@click.option("--epochs", type=int, default=30, show_default=True)
@click.option("--seed", "seeds", type=int, multiple=True, default=(1, 2, 3), show_default=True)
@click.option(
    "--hold-out",
    "one_of",
    type=click.IntRange(2),
    default=5,
    show_default=True,
    help="One of how many messages of each label is held out.",
)
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Folder for the files, runs and figures."
)
def main(
    project: Path,
    rasa: str,
    config: Path | None,
    epochs: int,
    seeds: tuple[int, ...],
    one_of: int,
    keep: Path | None,
) -> None:
    """Train and test PROJECT's NLU models here and in Rasa, and print a table."""
    found = Project.from_directory(project)
    sides = {"here": ours, "Rasa": lambda folder, seed: rasas(folder, seed, rasa)}
    rows: dict[str, list[Figures]] = {side: [] for side in sides}
    with nullcontext(keep) if keep else tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        write_files(found, config or found.config, epochs, one_of, folder)
        click.echo(f"| {' | '.join([found.name, *FIGURES])} |\n{'|---' * (len(FIGURES) + 1)}|")
        for seed in seeds:
            for side, measure in sides.items():
                path = folder / f"{side}-{seed}.json"
                rows[side].append(measured(path, lambda m=measure, s=seed: m(folder, s)))
                click.echo(_row(f"{side}, seed {seed}", rows[side][-1]))
    for side, figures in rows.items():
        click.echo(_row(f"{side}, mean", _mean(figures)))


if __name__ == "__main__":
    main()

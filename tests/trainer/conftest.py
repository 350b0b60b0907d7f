"""What the tests of the trainer share: a tiny project, the command line, a trained run."""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

CONFIG = """\
recipe: default.v1
language: en

pipeline:
  - name: WhitespaceTokenizer
  - name: LexicalSyntacticFeaturizer
  - name: CountVectorsFeaturizer
  - name: CountVectorsFeaturizer
    analyzer: char_wb
    min_ngram: 1
    max_ngram: 2
  - name: DIETClassifier
    epochs: 2
    batch_size: 8
    transformer_size: 16
    number_of_transformer_layers: 1
    number_of_attention_heads: 2
    dense_dimension: {text: 8, label: 8}
    concat_dimension: {text: 8, label: 8}
    embedding_dimension: 4
    number_of_negative_examples: 3
    learning_rate: 1e-2
    random_seed: 1
  - name: EntitySynonymMapper
"""
CITIES = ("Rome", "New York", "Paris", "Oslo", "Bern")


def _nlu() -> str:
    flights = [
        f'from [{start}]{{"entity": "city", "role": "from"}} to [{end}]{{"entity": "city", '
        f'"role": "to"}}'
        for start, end in product(CITIES, CITIES)
        if start < end
    ]
    sections = {
        "fly": [f"fly {flight}" for flight in flights],
        "price": [f"how much is it {flight}" for flight in flights],
        "greet": [f"hello {word}" for word in "you all there friend again now".split()],
        "bye": [f"goodbye {word}" for word in "you all there friend again now".split()],
        "weather": [f"is it raining in [{city}](city) today" for city in CITIES]
        + [f"weather in [{city}](city)" for city in CITIES],
    }
    lines = ['version: "3.1"', "nlu:"]
    for intent, examples in sections.items():
        lines += [f"- intent: {intent}", "  examples: |"]
        lines += [f"    - {example}" for example in examples]
    lines += ["- synonym: New York", "  examples: |", "    - big apple"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Result:
    """How a command ended; `err` is everything a user would see on stderr, the log included."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line that says what was wrong with the input."""
        assert self.code == 2, f"exit code {self.code}\n{self.err}"
        last = self.err.splitlines()[-1]
        assert last.startswith("Error: ") and self.err.count("Error: ") == 1, self.err
        assert "Traceback" not in self.err
        return last


def _run(*arguments: object) -> Result:
    """`python -m trainer ARGUMENTS`, in this process."""
    from trainer.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    argv, root = sys.argv, logging.getLogger()
    handler, level = logging.StreamHandler(err), root.level
    sys.argv = ["trainer", *map(str, arguments)]
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = 0
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
    finally:
        sys.argv = argv
        root.removeHandler(handler)
        root.setLevel(level)
    return Result(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def command():
    """`command("train", ...)` is `python -m trainer train ...` in this process."""
    return _run


@pytest.fixture(scope="session")
def make_project():
    """`make_project(directory, config=..., nlu=...)` writes a tiny Rasa project."""

    def make(directory: Path, *, config: str = CONFIG, nlu: str | None = None) -> Path:
        (directory / "data").mkdir(parents=True)
        (directory / "config.yml").write_text(config, encoding="utf-8")
        (directory / "data" / "nlu.yml").write_text(nlu or _nlu(), encoding="utf-8")
        return directory

    return make


@pytest.fixture
def project(tmp_path, make_project) -> Path:
    """A project to spoil: 42 messages, 5 intents, cities with roles."""
    return make_project(tmp_path / "project")


@dataclass(frozen=True)
class Trained:
    """A finished training of two epochs."""

    project: Path
    run: Path
    result: Result


@pytest.fixture(scope="session")
def trained(tmp_path_factory, make_project) -> Trained:
    """A run that several tests look at; who changes it copies it (`copy_of_run`)."""
    directory = tmp_path_factory.mktemp("trained")
    project = make_project(directory / "tiny")
    every_epoch = ("--set", "checkpoint_min_seconds=0")
    result = _run("--project", project, "--run-dir", directory / "run", *every_epoch)
    assert result.code == 0, result.err
    return Trained(project, directory / "run", result)


@pytest.fixture
def copy_of_run(trained, tmp_path) -> Path:
    """The trained run, to be spoilt."""
    return Path(shutil.copytree(trained.run, tmp_path / "run"))

"""Runs of the command line in processes of their own: one device, mirrored devices, several."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from devices import Devices
from processes import differences, environment, kill_all, launched

from trainer.checkpoints.checkpoint import VARIABLES_FILE, newest_checkpoint
from trainer.checkpoints.variables_file import StoredVariables

TOLERANCE = 1e-5
"""How far weights and losses may lie apart, over the largest: float32 sums in another order."""
SAME_DRAWS = ("--epochs", "5", "--set", "drop_rate=0", "--set", "clip_norm=0.5")
"""Training in which nothing depends on the number of devices."""

CONFIG = """
recipe: default.v1
language: en
pipeline:
  - name: WhitespaceTokenizer
  - name: RegexFeaturizer
  - name: LexicalSyntacticFeaturizer
  - name: CountVectorsFeaturizer
  - name: CountVectorsFeaturizer
    analyzer: char_wb
    min_ngram: 1
    max_ngram: 3
  - name: DIETClassifier
    epochs: 4
    batch_size: [6, 11]
    transformer_size: 16
    number_of_transformer_layers: 1
    number_of_attention_heads: 2
    embedding_dimension: 8
    dense_dimension: {text: 16}
    number_of_negative_examples: 5
    random_seed: 3
    constrain_similarities: true
    scale_loss: true
    use_masked_language_model: true
"""

CITIES = ("Berlin", "Rome", "Oslo", "New York", "Paris")
DRINKS = ("tea", "coffee", "water")


def _nlu() -> str:
    trips = [
        f'fly from [{a}]{{"entity": "city", "role": "from"}} to [{b}]{{"entity": "city", '
        f'"role": "to"}}'
        for a in CITIES
        for b in CITIES
        if a != b
    ]
    orders = [
        f'a [{a}]{{"entity": "drink", "group": "1"}} and a [{b}]{{"entity": "drink", '
        f'"group": "2"}} please'
        for a in DRINKS
        for b in DRINKS
    ]
    greetings = ["hi", "hello there", "good morning", "hey you"]
    goodbyes = ["bye", "see you later"]
    sections = {"travel": trips, "order": orders, "greet": greetings, "goodbye": goodbyes}
    lines = ['version: "3.1"', "nlu:"]
    for intent, examples in sections.items():
        lines += [f"- intent: {intent}", "  examples: |", *(f"    - {e}" for e in examples)]
    return "\n".join(lines) + "\n"


class CommandLine:
    """`python -m trainer` on one small project, as a user starts it."""

    def __init__(self, directory: Path):
        self.directory = directory
        self._left_alone: dict[tuple[Devices, tuple[str, ...]], str] = {}
        self._numbers = itertools.count()
        self.project = directory / "project"
        (self.project / "data").mkdir(parents=True)
        (self.project / "config.yml").write_text(CONFIG, encoding="utf-8")
        (self.project / "data" / "nlu.yml").write_text(_nlu(), encoding="utf-8")

    def run_dir(self, name: str) -> Path:
        return self.directory / "runs" / name

    def arguments(self, name: str, processes: int, *options: str) -> list[str]:
        trainer = [sys.executable, "-m", "trainer", "--project", str(self.project)]
        trainer += ["--run-dir", str(self.run_dir(name)), *options]
        return launched(trainer, processes)

    def start(self, name: str, processes: int, *options: str) -> subprocess.Popen:
        """Start training in a process group of its own; its output comes as one stream."""
        return subprocess.Popen(
            self.arguments(name, processes, *options),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=environment(),
        )

    def train(self, name: str, *options: str, processes: int = 1) -> str:
        """Train to the end; returns what was printed."""
        process = self.start(name, processes, *options)
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, output[-4000:]
        return output

    def kill_after(self, line: str, name: str, processes: int, *options: str) -> None:
        """Train, and `kill -9` launcher and workers once a line with `line` has been printed."""
        process = self.start(name, processes, *options)
        seen = []
        for printed in process.stdout:
            seen.append(printed)
            if line in printed:
                break
        else:
            raise AssertionError(f"{line!r} was never printed:\n{''.join(seen)[-4000:]}")
        kill_all(process)

    def train_on(self, devices: Devices, name: str, *options: str) -> str:
        """Train to the end on these devices; returns what was printed."""
        return self.train(name, *options, *devices.options, processes=devices.processes)

    def left_alone(self, devices: Devices, *options: str) -> str:
        """The name of a run on these devices to the end; it is trained when first asked for."""
        found = self._left_alone.get((devices, options))
        if found is None:
            found = f"left-alone-{next(self._numbers)}-{devices}"
            self.train_on(devices, found, *options)
            self._left_alone[devices, options] = found
        return found

    def interrupted(
        self, devices: Devices, *options: str, after: Sequence[str] = ("epoch 2/4  loss",)
    ) -> str:
        """The name of a run on these devices that was killed when it had printed each of these
        lines, started again after each, and then trained to the end.

        The line of an epoch is printed before its checkpoint is written.
        """
        name = f"interrupted-{next(self._numbers)}-{devices}"
        for line in after:
            self.kill_on(devices, line, name, *options)
        assert "Going on after step" in self.train_on(devices, name, *options)
        return name

    def kill_on(self, devices: Devices, line: str, name: str, *options: str) -> None:
        """As `kill_after`, on these devices."""
        self.kill_after(line, name, devices.processes, *options, *devices.options)

    def variables(self, name: str) -> dict[str, np.ndarray]:
        """Everything in the newest checkpoint: model, optimizer, loss scale."""
        return newest_variables(self.run_dir(name))

    def metrics(self, name: str) -> list[dict]:
        """The lines of `metrics.jsonl`."""
        lines = (self.run_dir(name) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def losses(self, name: str) -> np.ndarray:
        """Every mean loss of every epoch; these are sums over all examples."""
        return np.array(
            [[v for k, v in row.items() if k.startswith("loss")] for row in self.metrics(name)]
        )


def newest_variables(run: Path) -> dict[str, np.ndarray]:
    """Everything in the newest checkpoint of a run."""
    with StoredVariables(newest_checkpoint(run / "checkpoints") / VARIABLES_FILE) as stored:
        return dict(stored)


def assert_same_weights(
    first: dict[str, np.ndarray], second: dict[str, np.ndarray], tolerance: float = TOLERANCE
) -> None:
    """The model's variables of two checkpoints are the same within the tolerance."""
    assert first.keys() == second.keys()
    found = differences(first, second, [name for name in first if name.startswith("model/")])
    assert max(found.values()) < tolerance, max(found.items(), key=lambda item: item[1])


def assert_equal(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """All variables of two checkpoints are the same, bit for bit."""
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)

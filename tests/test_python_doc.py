"""The examples of docs/python.md, run in order in one process as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)
CHECKS = """
assert set(answer) >= {"text", "intent", "entities", "intent_ranking"}, answer
assert len(losses) == 2, "an epoch of each model"
assert abs(sum(action["confidence"] for action in run.next_action([LISTEN])) - 1) < 1e-3
assert len(history.history["loss"]) == 2
by_hand = trainer.load("runs/by-hand").answer("two large pizzas")
assert by_hand["intent"]["name"] == diet.answer("two large pizzas")["intent"]["name"]
assert ted.trained.step > 0
"""


@pytest.mark.slow
def test_the_examples_of_the_documentation_run(tmp_path):
    examples = EXAMPLE.findall((ROOT / "docs" / "python.md").read_text(encoding="utf-8"))
    assert len(examples) == 4
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "read.py").write_text("".join([*examples, CHECKS]), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run(
        [sys.executable, "read.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "runs/pizza/saved_model/1/saved_model.pb").is_file()


@pytest.mark.slow
def test_the_examples_of_the_readme_run(tmp_path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## From Python")[2].partition("\n## ")[0]
    program = "".join(EXAMPLE.findall(section)).replace("epochs=50", "epochs=1")
    assert program.count("epochs=1") == 2
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "nlu.yml").symlink_to(ROOT / "examples/pizza/data/nlu/ordering.yml")
    (tmp_path / "read.py").write_text(program, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "read.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_looking_for_a_name_does_not_load_tensorflow():
    program = "import trainer, sys; trainer.__all__; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0

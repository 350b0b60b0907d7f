"""Asks a SavedModel in a process of its own, which has TensorFlow and nothing of this project."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from data_pipeline.errors import InputError

Tensors = Mapping[str, np.ndarray]

PROGRAM = """
import sys
from pathlib import Path

for name in ("model", "trainer", "data_pipeline", "keras"):
    sys.modules[name] = None  # an import of it fails
import tensorflow as tf

tf.config.threading.set_inter_op_parallelism_threads(1)
loaded = tf.saved_model.load(sys.argv[1])
for question in Path(sys.argv[2]).iterdir():
    files = (question / "inputs").iterdir()
    given = {f.stem: tf.io.parse_tensor(f.read_bytes(), tf.as_dtype(f.suffix[1:])) for f in files}
    answers = loaded.signatures[(question / "signature").read_text()](**given)
    for name, tensor in answers.items():
        file = question / "outputs" / f"{name}.{tensor.dtype.name}"
        file.write_bytes(tf.io.serialize_tensor(tensor).numpy())
"""


@dataclass(frozen=True)
class Question:
    """What to ask a signature: its name, and its tensors by name."""

    signature: str
    inputs: Tensors


def answers_elsewhere(saved_model: Path, questions: Sequence[Question]) -> list[Tensors]:
    """What the SavedModel answers in a clean process, on the CPU.

    In one thread: a graph that waits for a second one would leave users waiting who have one only.

    Raises:
        InputError: it cannot be loaded or asked there; with the last line of the reason.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary) / str(number) for number in range(len(questions))]
        for folder, question in zip(folders, questions, strict=True):
            _write(folder, question)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(saved_model), temporary],
            cwd=temporary,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise InputError(f"The SavedModel cannot be asked in a process of its own: {reason}")
        return [_read(folder / "outputs") for folder in folders]


def _write(folder: Path, question: Question) -> None:
    for name in ("inputs", "outputs"):
        (folder / name).mkdir(parents=True)
    (folder / "signature").write_text(question.signature)
    for name, array in question.inputs.items():
        tensor = tf.constant(array)
        file = folder / "inputs" / f"{name}.{tensor.dtype.name}"
        file.write_bytes(tf.io.serialize_tensor(tensor).numpy())


def _read(folder: Path) -> Tensors:
    return {
        file.stem: tf.io.parse_tensor(file.read_bytes(), tf.as_dtype(file.suffix[1:])).numpy()
        for file in folder.iterdir()
    }

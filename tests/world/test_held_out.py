"""Evaluation gives the same figures on any number of devices, and decisions are taken once."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from processes import PROGRAMS, environment, launched

SCRIPT = PROGRAMS / "evaluate_on.py"
EVERY_EPOCH = (
    *("--set", "evaluate_on_number_of_examples=9", "--set", "evaluate_every_number_of_epochs=1"),
)


@pytest.fixture(scope="module")
def figures(command_line):
    """`figures(strategy, devices)`: those of each process, on 35 messages in batches of 7."""
    command_line.train("to-evaluate", "--epochs", "3")

    def evaluated(strategy: str, devices: int) -> list[dict[str, float]]:
        local, processes = (devices, 1) if strategy == "mirrored" else (1, devices)
        command = [sys.executable, str(SCRIPT), str(command_line.run_dir("to-evaluate"))]
        command += [strategy, str(local)]
        done = subprocess.run(
            launched(command, processes),
            capture_output=True,
            text=True,
            timeout=600,
            env=environment(),
        )
        assert done.returncode == 0, done.stderr[-4000:]
        found = [line[line.index("{") :] for line in done.stdout.splitlines() if '{"loss' in line]
        return [json.loads(line) for line in found]

    return evaluated


@pytest.fixture(scope="module")
def on_one_device(figures):
    (alone,) = figures("single", 1)
    # Five seeds, with and without oneDNN: the accuracy is 0.31 to 0.86.
    assert 0 < alone["intent_accuracy"] < 1 or 0 < alone["entity_f1"] < 1, "not trivial"
    return alone


def _agree(alone: dict[str, float], others: list[dict[str, float]]) -> None:
    """Counts are the same; losses are sums of float32 numbers in another order."""
    for other in others:
        assert other.keys() == alone.keys()
        for name, value in alone.items():
            assert other[name] == (pytest.approx(value, rel=1e-6) if "loss" in name else value)


@pytest.mark.shows("diet.evaluate_on_number_of_examples")
@pytest.mark.slow
def test_two_mirrored_devices_measure_what_one_does(figures, on_one_device):
    _agree(on_one_device, figures("mirrored", 2))


@pytest.mark.slow
def test_four_mirrored_devices_measure_what_one_does(figures, on_one_device):
    _agree(on_one_device, figures("mirrored", 4))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "processes"), [("horovod", 2), ("horovod", 4), ("multi_worker", 2)]
)
def test_processes_measure_what_one_device_does(figures, on_one_device, strategy, processes):
    everyone = figures(strategy, processes)
    assert len(everyone) == processes
    _agree(on_one_device, everyone)


@pytest.mark.shows("trainer.early_stopping_patience")
@pytest.mark.slow
def test_all_processes_stop_early_together(command_line):
    options = (*EVERY_EPOCH, "--set", "early_stopping_patience=1", "--set", "learning_rate=0")
    output = command_line.train("early", *options, processes=2)
    assert "Trained 2 epochs of DIET. Stopped early, of 4: the last 1 evaluations" in output
    output = command_line.train("early", *options, processes=2)
    assert "Training was complete already: 2 epochs of DIET" in output

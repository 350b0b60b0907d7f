"""N devices train the model of unexpected intents as one: the rules of `test_world_sizes.py`.

The thresholds are the chief's work, by the same weights but for the last digits.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from command_line import CommandLine, assert_same_weights, mirrored
from stories_project import UNEXPECTED, add_dialogues

SAME_DRAWS = (
    *("--model", "unexpected_intent", "--set", "clip_norm=0.5"),
    *("--set", "augmentation_factor=2"),
)
THRESHOLD_TOLERANCE = 1e-4
"""Similarities are about 1, and weights agree to 1e-5 of the largest."""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> CommandLine:
    """The command line on a project with UnexpecTEDIntentPolicy."""
    made = CommandLine(tmp_path_factory.mktemp("unexpected_intent"))
    add_dialogues(made.project, UNEXPECTED)
    return made


@pytest.fixture(scope="module")
def one_device(project) -> str:
    project.train("one", *SAME_DRAWS)
    return "one"


def thresholds(project: CommandLine, name: str) -> dict:
    return json.loads((project.run_dir(name) / "thresholds.json").read_text())


def assert_agree(project: CommandLine, first: str, second: str) -> None:
    assert_same_weights(project.variables(first), project.variables(second))
    one, other = thresholds(project, first), thresholds(project, second)
    assert one["step"] == other["step"]
    assert one["thresholds"].keys() == other["thresholds"].keys() != set()
    for intent, values in one["thresholds"].items():
        np.testing.assert_allclose(other["thresholds"][intent], values, atol=THRESHOLD_TOLERANCE)


@pytest.mark.slow
def test_two_mirrored_devices_train_as_one(project, one_device):
    project.train("mirrored-2", *SAME_DRAWS, *mirrored(2))
    assert_agree(project, one_device, "mirrored-2")


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 4])
def test_horovod_processes_train_as_one_device(project, one_device, processes):
    name = f"horovod-{processes}"
    project.train(name, *SAME_DRAWS, processes=processes)
    assert_agree(project, one_device, name)


@pytest.mark.slow
def test_killed_and_started_again_ends_with_the_same_weights(project, one_device):
    every = ("--set", "checkpoint_every_steps=3")
    project.kill_after("epoch 2/4  loss", "killed", 1, *SAME_DRAWS, *every)
    project.train("killed", *SAME_DRAWS, *every)
    a, b = project.variables(one_device), project.variables("killed")
    for name, values in a.items():
        np.testing.assert_array_equal(values, b[name], err_msg=name)
    assert thresholds(project, one_device) == thresholds(project, "killed")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains(project, precision):
    output = project.train(
        precision, *SAME_DRAWS, "--precision", precision, "--epochs", "8", *mirrored(2)
    )
    assert "epoch 8/8" in output and "intents have a threshold" in output

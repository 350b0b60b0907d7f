"""N devices train the model of unexpected intents as one, an interrupted one goes on as one left
alone: the rules of `test_world_sizes.py` and `test_resume.py`.

The thresholds are the chief's work, by the same weights but for the last digits.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from command_line import CommandLine, assert_equal, assert_same_weights
from devices import HOROVOD_4, ONE, TWO, mirrored
from stories_project import UNEXPECTED, add_dialogues

UNEXPECTED_INTENT = (
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
@pytest.mark.parametrize("devices", [*TWO, HOROVOD_4], ids=str)
def test_several_devices_train_as_one(project, devices):
    one, several = (project.left_alone(each, *UNEXPECTED_INTENT) for each in (ONE, devices))
    assert_agree(project, one, several)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [ONE, *TWO], ids=str)
def test_killed_and_started_again_ends_with_the_same_weights(project, devices):
    killed = project.interrupted(devices, *UNEXPECTED_INTENT, "--set", "checkpoint_every_steps=3")
    alone = project.left_alone(devices, *UNEXPECTED_INTENT)
    assert_equal(project.variables(alone), project.variables(killed))
    assert thresholds(project, alone) == thresholds(project, killed)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains(project, precision):
    output = project.train(
        precision, *UNEXPECTED_INTENT, "--precision", precision, "--epochs", "8", *mirrored(2)
    )
    assert "epoch 8/8" in output and "intents have a threshold" in output

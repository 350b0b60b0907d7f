"""N devices train TED as one: the same rules and the same tolerance as in `test_world_sizes.py`."""

from __future__ import annotations

import numpy as np
import pytest
from command_line import MULTI_WORKER, CommandLine, assert_same_weights, mirrored

SAME_DRAWS = ("--model", "ted", "--set", "clip_norm=0.5", "--set", "augmentation_factor=2")


@pytest.fixture(scope="module")
def one_device(dialogues) -> str:
    output = dialogues.train("one", *SAME_DRAWS)
    assert "glued" in output
    return "one"


def _agree(dialogues: CommandLine, first: str, second: str) -> None:
    assert_same_weights(dialogues.variables(first), dialogues.variables(second))


@pytest.mark.slow
def test_two_mirrored_devices_train_as_one(dialogues, one_device):
    dialogues.train("mirrored-2", *SAME_DRAWS, *mirrored(2))
    _agree(dialogues, one_device, "mirrored-2")


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 4])
def test_horovod_processes_train_as_one_device(dialogues, one_device, processes):
    name = f"horovod-{processes}"
    dialogues.train(name, *SAME_DRAWS, processes=processes)
    _agree(dialogues, one_device, name)


@pytest.mark.slow
def test_processes_that_tensorflow_joins_train_as_one_device(dialogues, one_device):
    dialogues.train("multi-worker-2", *SAME_DRAWS, *MULTI_WORKER, processes=2)
    _agree(dialogues, one_device, "multi-worker-2")


@pytest.mark.slow
def test_whole_dialogues_train_alike_on_two_processes(dialogues):
    whole = ("--set", "ted.featurizer=[{name: FullDialogueTrackerFeaturizer}]")
    dialogues.train("whole-1", *SAME_DRAWS, *whole)
    dialogues.train("whole-2", *SAME_DRAWS, *whole, processes=2)
    _agree(dialogues, "whole-1", "whole-2")


@pytest.mark.slow
def test_killed_and_started_again_ends_with_the_same_weights(dialogues, one_device):
    every = ("--set", "checkpoint_every_steps=3")
    dialogues.kill_after("epoch 2/4  loss", "killed", 1, *SAME_DRAWS, *every)
    dialogues.train("killed", *SAME_DRAWS, *every)
    a, b = dialogues.variables(one_device), dialogues.variables("killed")
    for name, values in a.items():
        np.testing.assert_array_equal(values, b[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains(dialogues, precision):
    output = dialogues.train(
        precision, *SAME_DRAWS, "--precision", precision, "--epochs", "8", *mirrored(2)
    )
    assert "epoch 8/8" in output

"""N devices train response selectors as one: the rules and the tolerance of `test_world_sizes.py`.

One command trains two of them: by key without an encoder, and by text with one and with a masked
language model.
"""

from __future__ import annotations

import numpy as np
import pytest
from command_line import CommandLine, assert_same_weights, mirrored

SAME_DRAWS = (
    *("--model", "response_selector", "--set", "clip_norm=0.5", "--set", "drop_rate=0"),
    *("--set", "number_of_negative_examples=4"),
)


@pytest.fixture(scope="module")
def one_device(faq) -> str:
    faq.train("one", *SAME_DRAWS)
    return "one"


def of_both(faq: CommandLine, name: str) -> list[dict[str, np.ndarray]]:
    """The variables of the selector by key, which has the run directory, and of that by text."""
    return [faq.variables(name), faq.variables(f"{name}/response_selector_faq")]


def assert_agree(faq: CommandLine, first: str, second: str) -> None:
    for one, other in zip(of_both(faq, first), of_both(faq, second), strict=True):
        assert_same_weights(one, other)


@pytest.mark.slow
def test_two_mirrored_devices_train_as_one(faq, one_device):
    faq.train("mirrored-2", *SAME_DRAWS, *mirrored(2))
    assert_agree(faq, one_device, "mirrored-2")


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 4])
def test_horovod_processes_train_as_one_device(faq, one_device, processes):
    name = f"horovod-{processes}"
    faq.train(name, *SAME_DRAWS, processes=processes)
    assert_agree(faq, one_device, name)


@pytest.mark.slow
def test_killed_and_started_again_ends_with_the_same_weights(faq):
    every = ("--model", "response_selector", "--set", "checkpoint_every_steps=2")
    faq.train("alone", *every)
    faq.kill_after("epoch 2/4  loss", "killed", 1, *every)
    faq.train("killed", *every)
    for one, other in zip(of_both(faq, "alone"), of_both(faq, "killed"), strict=True):
        assert one.keys() == other.keys()
        for name, values in one.items():
            np.testing.assert_array_equal(values, other[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains(faq, precision):
    output = faq.train(precision, *SAME_DRAWS, "--precision", precision, *mirrored(2))
    assert output.count("epoch 4/4") == 2

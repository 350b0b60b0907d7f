"""N devices train response selectors as one, and interrupted ones go on as if left alone: the rules
and the tolerance of `test_world_sizes.py` and `test_resume.py`.

One command trains two of them: by key without an encoder, and by text (`use_text_as_label`) with
one and with a masked language model.
"""

from __future__ import annotations

import numpy as np
import pytest
from command_line import CommandLine, assert_equal, assert_same_weights
from devices import HOROVOD_4, ONE, TWO, mirrored

SAME_DRAWS = (
    *("--model", "response_selector", "--set", "clip_norm=0.5", "--set", "drop_rate=0"),
    *("--set", "number_of_negative_examples=4"),
)


def of_both(faq: CommandLine, name: str) -> list[dict[str, np.ndarray]]:
    """The variables of the selector by key, which has the run directory, and of that by text."""
    return [faq.variables(name), faq.variables(f"{name}/response_selector_faq")]


@pytest.mark.slow
@pytest.mark.parametrize("devices", [*TWO, HOROVOD_4], ids=str)
def test_several_devices_train_as_one(faq, devices):
    runs = (of_both(faq, faq.left_alone(each, *SAME_DRAWS)) for each in (ONE, devices))
    for one, several in zip(*runs, strict=True):
        assert_same_weights(one, several)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [ONE, *TWO], ids=str)
def test_killed_and_started_again_ends_with_the_same_weights(faq, devices):
    options = (*SAME_DRAWS, "--set", "checkpoint_every_steps=2")
    of_each = [f"epoch 2/{epochs}  loss" for epochs in (4, 5)]
    killed = faq.interrupted(devices, *options, after=of_each)
    runs = of_both(faq, faq.left_alone(devices, *SAME_DRAWS)), of_both(faq, killed)
    for alone, interrupted in zip(*runs, strict=True):
        assert_equal(alone, interrupted)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains(faq, precision):
    output = faq.train(precision, *SAME_DRAWS, "--precision", precision, *mirrored(2))
    assert "epoch 4/4" in output and "epoch 5/5" in output

"""A configuration made of default options is one that can train."""

from __future__ import annotations

import numpy as np
import pytest

from model.diet.options import DIETOptions
from model.ted.options import TEDOptions
from trainer.config.options import TrainerOptions
from trainer.diet.config import DIETConfig
from trainer.ted.config import TEDConfig
from trainer.training.validation import split


class Examples:
    """Forty examples, each with a label of its own: what is looked at of a `BatchSource`."""

    labels = np.arange(40)
    lengths = np.ones(40, int)


@pytest.mark.parametrize(
    "config",
    [
        DIETConfig((), False, DIETOptions(), TrainerOptions()),
        TEDConfig((), TEDOptions(), TrainerOptions()),
    ],
    ids=["DIET", "TED"],
)
def test_an_empty_seed_plans_the_epochs_that_seed_0_does(config):
    first, second = (config.schedule.plan(Examples.labels, epoch) for epoch in (0, 0))
    assert config.options.random_seed is None and config.options.seed == 0
    assert config.schedule.seed == 0
    np.testing.assert_array_equal(first.indices, second.indices)


def test_an_empty_seed_holds_out_the_same_examples_each_time():
    options = DIETOptions(evaluate_on_number_of_examples=10)
    chosen = [split(Examples(), options, balanced=False)[1].examples.labels for _ in range(2)]
    np.testing.assert_array_equal(*chosen)

"""Which examples are held out: Rasa's, and every intent on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from data_pipeline.batches.hold_out import hold_out
from data_pipeline.errors import InputError

LABELS = np.array([0, 1, 2, 3, 2, 1, 0, 0, 4, 1, 2, 2, 1, 0, 0, 5, 1, 1, 2, 0, 2, 2, 3, 1, 0])


@pytest.mark.shows("diet.evaluate_on_number_of_examples")
@pytest.mark.parametrize(
    ("held_out", "seed", "chosen_by_rasa"),
    [(6, 7, [1, 2, 6, 14, 18, 23]), (9, 1, [0, 1, 3, 4, 5, 10, 14, 21, 23])],
)
def test_the_same_examples_as_rasa_chooses(held_out, seed, chosen_by_rasa):
    """The numbers come from `RasaModelData.split` of Rasa 3.6.21 with these labels."""
    train, evaluated = hold_out(LABELS, held_out, seed)
    assert evaluated.tolist() == chosen_by_rasa
    assert sorted([*train, *evaluated]) == list(range(len(LABELS)))


def test_a_label_with_one_example_is_trained_on():
    for seed in range(10):
        train, _ = hold_out(LABELS, 8, seed)
        assert set(LABELS[train]) == set(range(6))


def test_every_label_has_its_share():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    _, evaluated = hold_out(labels, 10, seed=3)
    assert np.bincount(labels[evaluated]).tolist() == [6, 3, 1]


def test_without_labels_any_examples_are_taken():
    train, evaluated = hold_out(np.arange(10), 4, seed=3, stratify=False)
    assert len(evaluated) == 4 and sorted([*train, *evaluated]) == list(range(10))


@pytest.mark.parametrize("held_out", [5, 19])
def test_too_many_or_too_few_are_refused_with_the_limits(held_out):
    with pytest.raises(InputError, match=rf"from 6 to 18 .* 25 examples .*Received: {held_out}"):
        hold_out(LABELS, held_out, seed=0)

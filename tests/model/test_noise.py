"""What a step draws for one place tells nothing of what it draws for another."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf

from model.noise import Noise

RATE = 0.2
SHAPE = (200, 256)
FAR = 6.0
"""Standard deviations: about one of a thousand million draws lies further from its mean."""


def missing(place: str, *, seed: int = 1, step: int = 0) -> np.ndarray:
    return ~Noise(seed, tf.constant(step, tf.int64)).keep(place, SHAPE, RATE).numpy()


def deviations(events: np.ndarray, probability: float) -> float:
    """How many standard deviations their number lies from that of independent ones."""
    mean = probability * events.size
    return (events.sum() - mean) / np.sqrt(mean * (1 - probability))


def assert_independent(one: np.ndarray, other: np.ndarray) -> None:
    assert abs(deviations(one & other, RATE**2)) < FAR


def test_each_element_is_left_out_with_the_asked_for_probability():
    drawn = missing("dropout")
    assert abs(deviations(drawn, RATE)) < FAR
    assert_independent(drawn[:, :-1], drawn[:, 1:])
    assert_independent(drawn[:-1], drawn[1:])


@pytest.mark.parametrize("step", [0, 1, 1000])
def test_two_places_are_independent_in_any_step(step):
    places = [
        f"layer_{number}/{name}_dropout"
        for number in range(2)
        for name in ("attended", "wide", "narrow")
    ]
    for one, other in itertools.combinations(places, 2):
        assert_independent(missing(one, step=step), missing(other, step=step))


def test_two_steps_and_two_seeds_are_independent():
    drawn = missing("dropout", step=7)
    assert_independent(drawn, missing("dropout", step=8))
    assert_independent(drawn, missing("dropout", step=7, seed=2))


def test_the_same_step_draws_the_same():
    np.testing.assert_array_equal(missing("dropout", step=7), missing("dropout", step=7))

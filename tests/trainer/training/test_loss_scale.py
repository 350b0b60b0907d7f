"""The loss scale of float16, and the means of losses."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf

from trainer.training.precision import GROWTH_STEPS, INITIAL_SCALE, LossScale
from trainer.training.step import term_means


def after(scale, finite, times=1):
    for _ in range(times):
        scale.after_step(tf.constant(finite))
    return float(scale.value)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_other_precisions_have_no_scale(precision):
    scale = LossScale(precision)
    assert not scale.dynamic and float(scale.value) == 1
    assert after(scale, False) == 1 and after(scale, True, 3) == 1


def test_a_step_that_overflows_halves_the_scale_and_is_counted():
    scale = LossScale("mixed_float16")
    assert float(scale.value) == INITIAL_SCALE
    assert after(scale, False) == INITIAL_SCALE / 2
    assert after(scale, False) == INITIAL_SCALE / 4
    assert int(scale.skipped_steps) == 2


def test_scale_and_skipped_steps_are_shown_where_there_is_a_scale():
    scale = LossScale("mixed_float16")
    after(scale, False)
    assert scale.facts() == {"loss_scale": INITIAL_SCALE / 2, "skipped_steps": 1}
    assert LossScale("mixed_bfloat16").facts() == {}


def test_enough_finite_steps_in_a_row_double_it():
    scale = LossScale("mixed_float16")
    scale.finite_steps.assign(GROWTH_STEPS - 2)
    assert after(scale, True) == INITIAL_SCALE
    assert after(scale, True) == INITIAL_SCALE * 2
    assert int(scale.finite_steps) == 0


def test_an_overflow_starts_the_count_again():
    scale = LossScale("mixed_float16")
    scale.finite_steps.assign(GROWTH_STEPS - 1)
    after(scale, False)
    assert int(scale.finite_steps) == 0
    assert after(scale, True) == INITIAL_SCALE / 2


def test_it_does_not_fall_below_one():
    scale = LossScale("mixed_float16")
    scale.value.assign(2.0)
    assert after(scale, False, 3) == 1


def test_it_is_part_of_a_checkpoint():
    names = {v.path for v in LossScale("mixed_float16").variables}
    assert names == {"loss_scale", "finite_steps", "skipped_steps"}
    assert all(isinstance(v, keras.Variable) for v in LossScale("float32").variables)


def test_means_are_weighted_and_only_losses_are_added_up():
    means = term_means(
        {
            "loss/intent/total": 6.0,
            "loss/intent/weight": 3.0,
            "loss/entity/total": 1.0,
            "loss/entity/weight": 4.0,
            "intent_accuracy/total": 2.0,
            "intent_accuracy/weight": 4.0,
            "gradient_norm": 9.0,
        }
    )
    assert means == {
        "loss/intent": 2.0,
        "loss/entity": 0.25,
        "intent_accuracy": 0.5,
        "loss": 2.25,
    }


def test_a_term_without_weight_is_zero():
    assert term_means({"loss/role/total": 0.0, "loss/role/weight": 0.0})["loss"] == 0

"""Which evaluation counts as the best: Rasa's rule."""

from __future__ import annotations

import pytest

from trainer.checkpoints.position import BestSoFar

FIRST = {"loss": 2.0, "intent_accuracy": 0.5, "entity_f1": 0.5}


def after(*evaluations):
    best = BestSoFar()
    for step, metrics in enumerate(evaluations, start=1):
        best = best.after(metrics, step)
    return best


def test_the_first_evaluation_is_the_best_whatever_it_is():
    scores = {"intent_accuracy": 0.0, "entity_f1": 0.0}
    assert after({**scores, "loss": 9.0}) == BestSoFar(1, scores, 0)


@pytest.mark.parametrize(
    ("accuracy", "f1", "better"),
    [
        (0.6, 0.5, True),
        (0.5, 0.6, True),
        (0.5, 0.5, False),
        (0.9, 0.4, False),
        (0.4, 0.9, False),
    ],
)
def test_better_is_nothing_worse_and_something_better(accuracy, f1, better):
    second = {"loss": 1.0, "intent_accuracy": accuracy, "entity_f1": f1}
    best = after(FIRST, second)
    assert best.step == (2 if better else 1)
    assert best.evaluations_since == (0 if better else 1)


def test_the_loss_does_not_count():
    assert after(FIRST, {**FIRST, "loss": 0.1}).step == 1


def test_evaluations_without_improvement_are_counted_anew_after_one():
    better = {**FIRST, "entity_f1": 0.6}
    assert after(FIRST, FIRST, FIRST).evaluations_since == 2
    assert after(FIRST, FIRST, FIRST, better, FIRST).evaluations_since == 1

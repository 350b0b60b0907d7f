"""Plans of epochs (spec 4.3, 4.4 and the oracle 13.6)."""

from __future__ import annotations

import numpy as np
import pytest

from data_pipeline.batches.plans import (
    PADDING,
    Schedule,
    batch_size_of_epoch,
    epoch_plan,
    in_order_plan,
)

SIZES = (50, 10, 3, 1)
LABELS = np.repeat(np.arange(4), SIZES)
STEPS = (9, 5, 3, 2)
EMITTED = ((50, 12, 5, 4), (50, 10, 3, 2), (50, 10, 3, 2), (50, 10, 3, 1))


def plans(seed, labels=LABELS):
    schedule = Schedule(4, [8, 32], "balanced", seed)
    return [schedule.plan(labels, epoch) for epoch in range(4)]


def emitted(plan):
    return plan.indices[plan.indices != PADDING]


@pytest.mark.shows("batch_strategy")
@pytest.mark.parametrize("seed", range(20))
def test_balanced_epochs_show_the_largest_class_once_and_every_example(seed):
    for plan, steps, per_class in zip(plans(seed), STEPS, EMITTED, strict=True):
        indices = emitted(plan)
        counts = np.bincount(LABELS[indices], minlength=4)
        assert counts[0] == 50
        assert len(np.unique(indices[indices < 50])) == 50, "each of the largest class, once"
        assert set(indices) == set(range(64)), "every example"
        # How often the small classes repeat depends on the order of the draws.
        assert abs(plan.steps - steps) <= 1
        assert np.all(np.abs(counts - per_class) <= (0, 4, 3, 3))


def test_balanced_epochs_are_as_long_as_rasas_on_average():
    totals = [[plan.examples for plan in plans(seed)] for seed in range(50)]
    np.testing.assert_allclose(np.mean(totals, axis=0), np.sum(EMITTED, axis=1), atol=4)


def test_a_class_whose_number_does_not_occur_is_no_obstacle():
    labels = np.array([7, 7, 7, -1, 3])
    plan = epoch_plan(labels, 2, seed=0, epoch=0, epochs=1)
    assert set(emitted(plan)) == set(range(5))


@pytest.mark.shows("batch_strategy")
@pytest.mark.parametrize("examples", [1, 7, 8, 64])
def test_sequence_plans_are_permutations(examples):
    for epoch in range(3):
        plan = epoch_plan(np.zeros(examples), 8, seed=3, epoch=epoch, epochs=3, strategy="sequence")
        np.testing.assert_array_equal(np.sort(emitted(plan)), np.arange(examples))


@pytest.mark.parametrize("strategy", ["balanced", "sequence"])
def test_padding_is_at_the_end_of_the_last_batch_only(strategy):
    for seed in range(5):
        plan = epoch_plan(LABELS, 9, seed=seed, epoch=0, epochs=1, strategy=strategy)
        flat = plan.indices.ravel()
        padding = np.flatnonzero(flat == PADDING)
        assert len(padding) < 9
        np.testing.assert_array_equal(padding, np.arange(len(flat) - len(padding), len(flat)))
        assert plan.examples == len(flat) - len(padding)
        assert plan.batch_size == 9


@pytest.mark.parametrize("strategy", ["balanced", "sequence"])
def test_a_batch_is_no_larger_than_the_epoch(strategy):
    labels = np.zeros(5, int)
    plan = epoch_plan(labels, 64, seed=0, epoch=0, epochs=1, strategy=strategy)
    assert plan.indices.shape == (1, 5) and plan.examples == 5
    assert in_order_plan(3, 256).indices.tolist() == [[0, 1, 2]]
    assert in_order_plan(0, 256).steps == 0


@pytest.mark.shows("random_seed")
@pytest.mark.parametrize("strategy", ["balanced", "sequence"])
def test_a_plan_is_a_function_of_seed_and_epoch(strategy):
    def plan(seed, epoch):
        np.random.seed(len(made))  # global state has no say
        made.append(epoch_plan(LABELS, 8, seed=seed, epoch=epoch, epochs=9, strategy=strategy))
        return made[-1].indices

    made = []
    np.testing.assert_array_equal(plan(1, 2), plan(1, 2))
    assert not np.array_equal(plan(1, 2), plan(1, 3))
    assert not np.array_equal(plan(1, 2), plan(2, 2))


def test_sequence_does_not_look_at_the_labels():
    one = epoch_plan(LABELS, 8, seed=1, epoch=0, epochs=1, strategy="sequence")
    other = epoch_plan(LABELS[::-1], 8, seed=1, epoch=0, epochs=1, strategy="sequence")
    np.testing.assert_array_equal(one.indices, other.indices)


@pytest.mark.shows("diet.drop_small_last_batch")
@pytest.mark.parametrize(
    ("examples", "batch_size", "kept"),
    [
        (19, 8, 16),  # 3 of 8: dropped
        (20, 8, 20),  # half: kept
        (20, 7, 20),  # 6 of 7
        (17, 7, 14),  # 3 of 7: less than half, rounded up
        (18, 7, 18),  # 4 of 7
        (16, 8, 16),  # nothing is left over
        (3, 8, 3),  # the only batch
    ],
)
def test_a_small_last_batch_can_be_dropped(examples, batch_size, kept):
    plan = epoch_plan(
        np.zeros(examples, int),
        batch_size,
        seed=0,
        epoch=0,
        epochs=1,
        strategy="sequence",
        drop_small_last_batch=True,
    )
    assert plan.examples == kept


@pytest.mark.shows("batch_size")
@pytest.mark.parametrize(
    ("sizes", "epochs", "expected"),
    [
        ([8, 32], 4, [8, 16, 24, 32]),
        ([64, 256], 3, [64, 160, 256]),
        ([8, 9], 4, [8, 8, 8, 9]),
        ([8, 32], 1, [8]),
        (16, 2, [16, 16]),
    ],
)
def test_the_batch_size_grows_by_epoch(sizes, epochs, expected):
    assert [batch_size_of_epoch(sizes, epoch, epochs) for epoch in range(epochs)] == expected


@pytest.mark.parametrize("replicas", [2, 4, 8])
def test_equal_shares_of_a_batch_are_nearly_equally_long(replicas):
    random = np.random.default_rng(0)
    lengths = 1 + random.poisson(9, 2000)
    plan = epoch_plan(np.zeros(2000), 128, seed=0, epoch=0, epochs=1)
    even = plan.with_even_shares(lengths)

    def excess(indices):
        """By how much the greatest share is more than the mean, on average."""
        shares = lengths[indices].reshape(len(indices), replicas, -1).sum(axis=2)
        return np.mean(shares.max(axis=1) / shares.mean(axis=1)) - 1

    full = slice(0, 2000 // 128)
    assert excess(even.indices[full]) < excess(plan.indices[full]) / 2
    np.testing.assert_array_equal(np.sort(even.indices), np.sort(plan.indices))
    (last,) = even.indices[full.stop :]
    assert last[2000 % 128 :].tolist() == [PADDING] * (128 - 2000 % 128)
    assert PADDING not in last[: 2000 % 128]


def test_in_order_plans_are_in_order():
    plan = in_order_plan(5, 2)
    np.testing.assert_array_equal(plan.indices, [[0, 1], [2, 3], [4, PADDING]])


def test_what_cannot_be_planned_is_refused():
    with pytest.raises(ValueError, match="no examples"):
        epoch_plan(np.array([]), 8, seed=0, epoch=0, epochs=1)
    with pytest.raises(ValueError, match="batch_strategy must be one of"):
        epoch_plan(LABELS, 8, seed=0, epoch=0, epochs=1, strategy="random")

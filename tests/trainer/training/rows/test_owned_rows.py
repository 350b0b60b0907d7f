"""Rows that belong to one replica each train as they do on one."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from replicas.threads import run_replicas

from model.layers.sparse import SparseRows
from model.replicas import ONE_REPLICA
from trainer.training.optimizer import FusedAdam
from trainer.training.rows import owned_rows

HEIGHT, UNITS, STEPS = 23, 4, 12
SHARES = {1: (8,), 2: (3, 5), 3: (4, 1, 3)}
"""Of the examples of a batch, by how many replicas there are."""


def batch(step: int) -> tuple[np.ndarray, ...]:
    """Examples, columns (some often, most rarely) and values of three features of each example."""
    random = np.random.default_rng(step)
    columns = (HEIGHT * random.random((8, 3)) ** 2).astype(np.int64)
    values = random.normal(size=(8, 3)).astype(np.float32)
    return np.repeat(np.arange(8), 3), columns.ravel(), values.ravel()


def share(step: int, shares: tuple[int, ...], index: int) -> SparseRows:
    """The features of one replica."""
    first, count = sum(shares[:index]), shares[index]
    examples, columns, values = batch(step)
    mine = (examples >= first) & (examples < first + count)
    return SparseRows(
        tf.constant(examples[mine] - first),
        *(tf.constant(columns[mine]), tf.constant(values[mine]), tf.constant(count)),
    )


def train(replicas, synchronised_after: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """All products, `[STEPS, examples, UNITS]`, and at the end the kernel with its moments."""
    kernel = keras.Variable(np.random.default_rng(0).normal(size=(HEIGHT, UNITS)), dtype="float32")
    optimizer = FusedAdam(0.01)
    optimizer.build([kernel])
    optimizer.follow_rows(kernel, replicas)
    (rows,) = optimizer.owned_rows
    products = []
    for step in range(STEPS):
        if step == synchronised_after:
            synchronise(rows, caught_up=False)
        with tf.GradientTape() as tape:
            tape.watch(kernel.value)
            product = rows.product(share(step, SHARES[replicas.count], int(replicas.index)))
            loss = tf.reduce_sum(tf.square(product))
        gradient = tape.gradient(loss, kernel.value)
        assert len(np.unique(gradient.indices)) == len(gradient.indices)
        assert set(np.array(gradient.indices) % replicas.count) == {int(replicas.index)}
        optimizer.update(gradient, kernel.value, None)
        optimizer.iterations.assign_add(1)
        products.append(product.numpy())
    synchronise(rows, caught_up=True)
    state = [v.numpy() for v in (kernel, optimizer._momentums[0], optimizer._velocities[0])]
    return np.stack(products), np.stack(state)


def synchronise(rows, *, caught_up: bool) -> None:
    for start in rows.blocks:
        rows.synchronise(tf.constant(start, tf.int64), caught_up=caught_up)


@pytest.mark.parametrize("rows_at_once", [8192, 5], ids=["one block", "several blocks"])
@pytest.mark.parametrize("count", [2, 3])
def test_products_and_the_kernel_are_those_of_one_replica(monkeypatch, count, rows_at_once):
    monkeypatch.setattr(owned_rows, "ROWS_AT_ONCE", rows_at_once)
    expected_products, expected_state = train(ONE_REPLICA)
    trained = run_replicas(count, train)
    products = np.concatenate([products for products, _ in trained], axis=1)
    # The order of sums, through a dozen steps of Adam.
    np.testing.assert_allclose(products, expected_products, rtol=0, atol=1e-5)
    for _, state in trained:
        np.testing.assert_array_equal(state, trained[0][1])
        np.testing.assert_allclose(state, expected_state, rtol=1e-5, atol=1e-6)


def test_giving_rows_to_all_between_steps_changes_nothing_that_follows():
    left_alone = run_replicas(2, train)
    synchronised = run_replicas(2, lambda replicas: train(replicas, synchronised_after=7))
    for one, other in zip(left_alone, synchronised, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_a_replica_without_features_of_its_own_takes_part():
    def product(replicas):
        kernel = keras.Variable(np.ones((HEIGHT, UNITS)), dtype="float32")
        optimizer = FusedAdam(0.01)
        optimizer.build([kernel])
        optimizer.follow_rows(kernel, replicas)
        # Both features are in rows of the second replica, and the first one's example has none.
        mine = int(replicas.index) == 1
        columns = tf.constant([1, 3] if mine else [], tf.int64)
        rows, values = tf.zeros_like(columns), tf.ones([len(columns)])
        features = SparseRows(rows, columns, values, tf.constant(1))
        return optimizer.owned_rows[0].product(features).numpy()

    first, second = run_replicas(2, product)
    np.testing.assert_array_equal(first, np.zeros((1, UNITS)))
    np.testing.assert_array_equal(second, np.full((1, UNITS), 2.0))

"""Replicas agree on the rows that any of them touches."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from model.replicas import ONE_REPLICA, OneReplica
from trainer.training.touched_rows import touched_by_all

HEIGHT = 12


class OneOfTwo(OneReplica):
    """A replica whose companion touches `others`."""

    count = 2

    def __init__(self, others):
        self._others = np.isin(np.arange(HEIGHT), others)

    def all_reduce_any(self, flags):
        return flags | self._others


def found(columns, replicas):
    rows, places = touched_by_all(tf.constant(columns, tf.int64), HEIGHT, replicas)
    return rows.numpy().tolist(), places.numpy().tolist()


@pytest.mark.parametrize(
    ("mine", "others"), [([7, 2, 7, 11], [0, 2]), ([3], [3]), ([5, 4], []), ([0], range(HEIGHT))]
)
def test_rows_of_all_replicas_come_in_the_same_order_on_each(mine, others):
    rows, places = found(mine, OneOfTwo(others))
    assert rows == sorted({*mine, *others})
    assert [rows[place] for place in places] == mine
    assert found(others, OneOfTwo(mine))[0] == rows


def test_one_replica_touches_its_own_rows_alone():
    rows, places = found([7, 2, 7, 11], ONE_REPLICA)
    assert sorted(rows) == [2, 7, 11]
    assert [rows[place] for place in places] == [7, 2, 7, 11]

"""Bytes and seconds of a step's exchanges."""

from __future__ import annotations

import tensorflow as tf

from trainer.distribution.traffic import Traffic, facts_of_epoch


def test_a_step_counts_its_own_bytes():
    traffic = Traffic()
    traffic.count(tf.constant(1000), 4)
    traffic.start()
    numbers, halves = tf.ones([2, 3]), tf.ones([5], tf.float16)
    assert traffic.measure([numbers, halves], lambda: [numbers]) == [numbers]
    traffic.count(tf.constant(7), 8)
    totals = traffic.totals()
    assert float(totals["bytes_sent"]) == 6 * 4 + 5 * 2 + 7 * 8
    assert float(totals["communication_seconds"]) >= 0


def test_an_epoch_tells_bytes_per_step():
    sums = {"bytes_sent": 600.0, "communication_seconds": 2.0}
    assert facts_of_epoch(sums, 3) == {"bytes_per_step": 200.0, "communication_seconds": 2.0}
    assert facts_of_epoch({"seconds": 1.0}, 3) == {}

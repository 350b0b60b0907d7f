"""Run as a script in several processes: known gradients are summed, by rows and densely.

usage: gradient_exchange.py STRATEGY

Prints a line of JSON per process and compression: what the sums are off by, what was sent in how
many operations, and whether a timeline was written.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from trainer.distribution.distribution import Distribution, make_distribution
from trainer.distribution.replicas import COMPRESSIONS
from trainer.training.profiling import allow_profiling

UNITS = 3
DENSE = (5, UNITS)
SUM = (100_001.0, 0.5)  # the first is not a number of 16 bits
HEIGHTS = (2, 1000)  # of two kernels: each process touches two rows, of the first that is all


def gradients(rank: int) -> list:
    """A dense gradient, and for each kernel rows, of which row 1 belongs to every process."""
    random = np.random.default_rng(rank)
    made: list = [tf.constant(random.normal(size=DENSE), tf.float32)]
    for height in HEIGHTS:
        rows = tf.constant([1, 0 if height == 2 else 10 + rank], tf.int64)
        values = tf.constant(random.normal(size=(2, UNITS)), tf.float32)
        made.append(tf.IndexedSlices(values, rows, tf.constant([height, UNITS])))
    return made


def exchanged(distribution: Distribution) -> dict:
    """What came of one exchange."""
    replicas = distribution.replicas

    @tf.function(autograph=False)
    def exchange(given: list):
        distribution.traffic.start()
        return distribution.sum_gradients(given, [tf.constant(SUM)]), distribution.traffic.totals()

    own = gradients(int(replicas.index))
    (summed, (total,)), totals = exchange(own)
    graph = exchange.get_concrete_function(own).graph
    everybodys = zip(*(gradients(rank) for rank in range(replicas.count)), strict=True)
    expected = [sum(tf.convert_to_tensor(g).numpy() for g in each) for each in everybodys]
    errors = [
        float(np.abs(tf.convert_to_tensor(s).numpy() - e).max())
        for s, e in zip(summed, expected, strict=True)
    ]
    return {
        "errors": errors,
        "rows": [int(s.indices.shape[0]) for s in summed[1:]],
        "unique": all(len(set(s.indices.numpy())) == len(s.indices) for s in summed[1:]),
        "bytes_sent": float(totals["bytes_sent"]),
        "exchanges": float(totals["exchanges"]),
        "operations": sum(
            op.type.startswith(("Horovod", "Collective")) for op in graph.get_operations()
        ),
        "sum_is_exact": total.numpy().tolist() == [number * replicas.count for number in SUM],
        "took_time": float(totals["communication_seconds"]) > 0,
    }


def main(strategy: str) -> None:
    allow_profiling()
    distribution = make_distribution(strategy)
    chief = distribution.is_chief
    with tempfile.TemporaryDirectory() as directory:
        timeline = Path(directory) / "timeline.json"
        if chief:
            distribution.record_timeline(timeline)
        results = {
            compression: exchanged(make_distribution(strategy, gradient_compression=compression))
            for compression in COMPRESSIONS
        }
        if chief:
            distribution.record_timeline(None)
        distribution.wait_for_all()
        recorded = timeline.exists() and "ALLREDUCE" in timeline.read_text(encoding="utf-8")
    for compression, result in results.items():
        facts = {"compression": compression, "chief": chief, "recorded": recorded, **result}
        print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

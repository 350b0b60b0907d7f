"""Run as a script in processes that TensorFlow joins: what exchanges leave behind in memory.

usage: kept_by_exchanges.py multi_worker

Prints a line of JSON per process: KB per exchange, of sums and gathers of sizes that vary, as in
training; and of sums that have a new key each time, as a strategy's replica context asks for them.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import psutil
import tensorflow as tf

from trainer.distribution.multi_worker import MultiWorker
from trainer.distribution.processes.tensorflow_collectives import GROUP_KEY

CALLS, WARMING_UP, SIZES = 4000, 400, 100
NEW_KEYS = 1 << 29


def kept(exchange: Callable[[int], object], exchanges: int) -> float:
    """KB that stay per exchange, when there are so many in a call."""
    process = psutil.Process()
    for number in range(WARMING_UP):
        exchange(number)
    before = process.memory_info().rss
    for number in range(WARMING_UP, WARMING_UP + CALLS):
        exchange(number)
    return (process.memory_info().rss - before) / 1000 / CALLS / exchanges


def main() -> None:
    replicas = MultiWorker().replicas

    @tf.function(input_signature=[tf.TensorSpec([None, 4])], autograph=False)
    def ours(rows: tf.Tensor) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        replicas.traffic.start()
        return replicas.all_reduce_sum([rows]), replicas.all_gather([rows])

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32)], autograph=False)
    def with_new_key(key: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.CollectiveReduceV2(
            input=tf.ones([SIZES]),
            group_size=replicas.count,
            group_key=GROUP_KEY,
            instance_key=key,
            ordering_token=[],
            merge_op="Add",
            final_op="Id",
            communication_hint="ring",
        )

    found = {
        "ours": kept(lambda number: ours(tf.ones([1 + number % SIZES, 4])), exchanges=2),
        "new_keys": kept(lambda number: with_new_key(tf.constant(NEW_KEYS + number)), exchanges=1),
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()

"""What a step exchanges with other processes: how many bytes, and how long that takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

BYTES = "bytes_sent"
SECONDS = "communication_seconds"


class Traffic:
    """Counts the exchanges of one step, while its graph is traced.

    Bytes are what this process hands over, not what the ring makes of it. Seconds run from when its
    tensors are ready until everybody's are here: waiting for slower processes is part of them.
    """

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin the count of a step."""
        self._bytes: list[tf.Tensor] = []
        self._seconds: list[tf.Tensor] = []

    def measure(self, tensors: Sequence[tf.Tensor], exchange: Callable[[], list]) -> list:
        """What `exchange()` returns; it sends `tensors`, whose sizes are counted, too."""
        for tensor in tensors:
            self.count(tf.size(tensor), tensor.dtype.size)
        return self.time(tensors, exchange)

    def time(self, tensors: Sequence[tf.Tensor], exchange: Callable[[], list]) -> list:
        """What `exchange()` returns; it takes time from when `tensors` are there."""
        with tf.control_dependencies(list(tensors)):
            begin = tf.timestamp()
        results = exchange()
        with tf.control_dependencies(tf.nest.flatten(results, expand_composites=True)):
            self._seconds.append(tf.timestamp() - begin)
        return results

    def count(self, numbers: tf.Tensor, size: int) -> None:
        """Count so many `numbers` of `size` bytes."""
        self._bytes.append(tf.cast(numbers, tf.float64) * size)

    def totals(self) -> dict[str, tf.Tensor]:
        """`bytes_sent` and `communication_seconds` of the step, float64 scalars."""
        return {BYTES: tf.add_n(self._bytes), SECONDS: tf.add_n(self._seconds)}


def facts_of_epoch(sums: Mapping[str, float], steps: int) -> dict[str, float]:
    """`bytes_per_step` and `communication_seconds` of an epoch; nothing where none were counted."""
    if BYTES not in sums:
        return {}
    return {"bytes_per_step": sums[BYTES] / steps, SECONDS: sums[SECONDS]}

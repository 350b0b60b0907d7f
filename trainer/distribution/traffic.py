"""What a step exchanges with other processes: how many bytes, and how long that takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

BYTES = "bytes_sent"
EXCHANGES = "exchanges"
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
        self._exchanges = 0

    def measure(self, tensors: Sequence[tf.Tensor], exchange: Callable[[], list]) -> list:
        """What `exchange()` returns; it sends `tensors`, whose sizes are counted, too."""
        self.sent(tensors)
        return self.time(tensors, exchange)

    def time(self, tensors: Sequence[tf.Tensor], exchange: Callable[[], list]) -> list:
        """What `exchange()` returns; it takes time from when `tensors` are there."""
        with tf.control_dependencies(list(tensors)):
            begin = tf.timestamp()
        results = exchange()
        with tf.control_dependencies(tf.nest.flatten(results, expand_composites=True)):
            self._seconds.append(tf.timestamp() - begin)
        return results

    def sent(self, tensors: Sequence[tf.Tensor]) -> None:
        """Count one exchange, of all of these at once."""
        self._exchanges += 1
        for tensor in tensors:
            self.count(tf.size(tensor), tensor.dtype.size)

    def count(self, numbers: tf.Tensor, size: int) -> None:
        """Count so many `numbers` of `size` bytes."""
        self._bytes.append(tf.cast(numbers, tf.float64) * size)

    def totals(self) -> dict[str, tf.Tensor]:
        """`bytes_sent`, `exchanges` and `communication_seconds` of the step, float64 scalars."""
        return {
            BYTES: tf.add_n(self._bytes),
            EXCHANGES: tf.constant(self._exchanges, tf.float64),
            SECONDS: tf.add_n(self._seconds),
        }


def facts_of_epoch(sums: Mapping[str, float], steps: int) -> dict[str, float]:
    """`bytes_per_step`, `exchanges_per_step` and `communication_seconds` of an epoch.

    As far as they were counted.
    """
    per_step = {f"{name.removesuffix('_sent')}_per_step": name for name in (BYTES, EXCHANGES)}
    facts = {shown: sums[name] / steps for shown, name in per_step.items() if name in sums}
    return facts | ({SECONDS: sums[SECONDS]} if SECONDS in sums else {})

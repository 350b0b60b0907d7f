"""Replicas that run as threads of the test."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import tensorflow as tf


class ThreadReplicas:
    """One of several replicas that run as threads and meet at a barrier for every collective."""

    def __init__(self, index: int, count: int, board: dict, barrier: threading.Barrier):
        self.count = count
        self._index = index
        self._board = board
        self._barrier = barrier

    @property
    def index(self):
        return tf.constant(self._index, tf.int32)

    def _exchange(self, tensor):
        self._board[self._index] = tensor
        self._barrier.wait(60)
        everyone = [self._board[number] for number in range(self.count)]
        self._barrier.wait(60)
        return everyone

    def all_gather(self, tensors, counts=None):
        return [self._all_gather(tensor) for tensor in tensors]

    def _all_gather(self, tensor):
        @tf.custom_gradient
        def gather(rows):
            everyones = self._exchange(rows)
            sizes = [each.shape[0] for each in everyones]

            def gradient(upstream):
                mine = tf.add_n(self._exchange(upstream))
                first = sum(sizes[: self._index])
                return mine[first : first + rows.shape[0]]

            return tf.concat(everyones, 0), gradient

        return gather(tensor)

    def all_reduce_sum(self, tensors):
        return [tf.stop_gradient(tf.add_n(self._exchange(tensor))) for tensor in tensors]

    def all_reduce_max(self, tensor):
        return tf.reduce_max(tf.stack(self._exchange(tf.stop_gradient(tensor))), 0)


def run_replicas(count: int, work: Callable[[ThreadReplicas], Any]) -> list:
    """`work(replicas)` in `count` threads; the results in their order."""
    board, barrier, results, errors = {}, threading.Barrier(count), {}, []

    def target(index: int) -> None:
        try:
            results[index] = work(ThreadReplicas(index, count, board, barrier))
        except Exception as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=target, args=[index]) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[index] for index in range(count)]

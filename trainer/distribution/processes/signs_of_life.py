"""Waiting for a chief that works for long, without taking it for hung."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import tensorflow as tf

SIGN_OF_LIFE_SECONDS = 5.0
"""Of a chief that prepares data, to those that wait for it."""

Result = TypeVar("Result")


def first_on_chief(
    work: Callable[[], Result], largest: Callable[[int], int], *, is_chief: bool
) -> Result | None:
    """See `Distribution.first_on_chief`.

    Args:
        largest: of the numbers that the processes give.
    """
    if not is_chief:
        while not largest(0):
            pass  # the chief is still at it
        return None
    with _signs_of_life(largest):
        result = work()
    largest(1)
    return result


@contextlib.contextmanager
def _signs_of_life(largest: Callable[[int], int]) -> Iterator[None]:
    """Meet the waiting others now and then, from a thread of its own."""
    ended = threading.Event()

    def beat() -> None:
        with contextlib.suppress(tf.errors.OpError):  # the next exchange tells
            while not ended.wait(SIGN_OF_LIFE_SECONDS):
                largest(0)

    thread = threading.Thread(target=beat, name="sign-of-life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()

"""Graphs run as they were written: rewriting them takes longer than it saves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def unrewritten_graphs() -> Iterator[None]:
    """Within this block TensorFlow does not rewrite a graph before it first runs (Grappler).

    A step of DIET has 6,000 operations. To rewrite them takes seconds at the start of every
    training, and steps are as fast without: their time is in products and passes over memory, which
    are written as few as they can be. Functions that ran before keep what was made of them then.
    """
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False, **before})

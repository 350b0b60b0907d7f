"""Telling an error of this process from the echo of another one's."""

from __future__ import annotations

import tensorflow as tf

SAID_BY_HOROVOD = ("Horovod has been shut down", "/gloo/", "NCCL")
"""It ended after another process did, or lost the connection to one in the middle."""


def is_of_another_process(error: BaseException) -> bool:
    """Whether `error` says no more than that an exchange failed since another process is gone.

    An exchange that fails for a reason, say for shapes that do not fit, is an error of its own.
    """
    failed_exchange = isinstance(error, tf.errors.OpError | RuntimeError)
    return failed_exchange and any(said in str(error) for said in SAID_BY_HOROVOD)

"""Telling an error of this process from the echo of another one's."""

from __future__ import annotations

import tensorflow as tf

SAID_BY_HOROVOD = ("Horovod has been shut down", "/gloo/", "NCCL")
"""It ended after another process did, or lost the connection to one in the middle."""

SAID_BY_TENSORFLOW = "Collective ops is aborted by"
LOST_BY_TENSORFLOW = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.UnavailableError,
)
"""Of processes that it has joined it says the same whatever the reason; these types are of peers
that do not answer, or are others than before."""


def is_of_another_process(error: BaseException) -> bool:
    """Whether `error` says no more than that an exchange failed since another process is gone.

    An exchange that fails for a reason, say for shapes that do not fit, is an error of its own.
    """
    failed_exchange = isinstance(error, tf.errors.OpError | RuntimeError)
    by_horovod = failed_exchange and any(said in str(error) for said in SAID_BY_HOROVOD)
    by_tensorflow = isinstance(error, LOST_BY_TENSORFLOW) and SAID_BY_TENSORFLOW in str(error)
    return by_horovod or by_tensorflow

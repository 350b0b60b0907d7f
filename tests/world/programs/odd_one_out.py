"""Run as a script: `python -m trainer`, of which the process with one rank behaves differently.

usage: odd_one_out.py WAY RANK TRAIN OPTIONS…

WAY: at the third step it `raises` an error that is none of the user's, `hangs` for ever while its
other threads live, or `freezes`, all of it; it `prepares_long`; it `has_another_seed`; a Keras
callback of it `ends_training` after the third step.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time

from trainer.cli.main import main
from trainer.cli.quiet_start import load_tensorflow

FAILING_STEP = 2  # after so many
LONG_SECONDS = 100.0  # longer than the limit that the test sets


def raises() -> None:
    _at_a_step(_divide_by_zero)


def hangs() -> None:
    _at_a_step(threading.Event().wait)


def freezes() -> None:
    _at_a_step(lambda: os.kill(os.getpid(), signal.SIGSTOP))


def prepares_long() -> None:
    load_tensorflow()
    from trainer.diet import task

    prepare = task.prepare

    def slowly(*arguments, **options):
        time.sleep(LONG_SECONDS)
        return prepare(*arguments, **options)

    task.prepare = slowly


def has_another_seed() -> None:
    sys.argv += ["--seed", "9"]


def ends_training() -> None:
    load_tensorflow()
    import keras

    from trainer.run import train

    class EndEarly(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch > FAILING_STEP

    make = train._callbacks
    train._callbacks = lambda *given: [*make(*given), EndEarly()]


def _divide_by_zero() -> None:
    raise ZeroDivisionError("a bug of this process alone")


def _at_a_step(fail) -> None:
    load_tensorflow()
    from trainer.training.step import TrainStep

    step = TrainStep.__call__

    def failing(self, batch, number, wish):
        if number == FAILING_STEP:
            fail()
        return step(self, batch, number, wish)

    TrainStep.__call__ = failing


WAYS = {
    f.__name__: f for f in (raises, hangs, freezes, prepares_long, has_another_seed, ends_training)
}

if __name__ == "__main__":
    _, way, rank, *options = sys.argv
    sys.argv = ["trainer", *options]
    told = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": null}}'))["task"]["index"]
    if os.environ.get("HOROVOD_RANK", str(told)) == rank:
        WAYS[way]()
    main()

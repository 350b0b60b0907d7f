"""Of several processes the one that fails says so, and the others that it was not they."""

from __future__ import annotations

import pytest
import tensorflow as tf

import trainer.run.train
from trainer.distribution.failures import is_of_another_process
from trainer.errors import OthersMissing

SHUT_DOWN = "Graph execution error: Horovod has been shut down. This was caused by an exception on"
LOST = "[/tmp/gloo/transport/tcp/pair.cc:598] Connection closed by peer [127.0.0.1]:49063"
ABORTED = "Collective ops is aborted by: "
HEARTBEAT = f"{ABORTED}Error reported from /job:worker/task:1: The following tasks are unhealthy"
SHAPES = f"{ABORTED}Shape mismatch in the collective instance 2001."
MISMATCH = "Mismatched allreduce tensor shapes [Op:HorovodAllreduce]"


def unknown(message):
    return tf.errors.UnknownError(None, None, message)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (unknown(SHUT_DOWN), True),
        (unknown(LOST), True),
        (RuntimeError(LOST), True),
        (tf.errors.InvalidArgumentError(None, None, MISMATCH), False),
        (tf.errors.UnavailableError(None, None, HEARTBEAT), True),
        (tf.errors.InvalidArgumentError(None, None, SHAPES), False),
        (tf.errors.UnavailableError(None, None, "the disk is"), False),
        (ZeroDivisionError("Horovod has been shut down"), False),
    ],
)
def test_an_echo_is_told_from_an_error_of_its_own(error, expected):
    assert is_of_another_process(error) is expected


@pytest.fixture
def fails(command, project, tmp_path, monkeypatch):
    """`fails(error)`: training that raises in process 1."""

    def run(error):
        def train(request):
            raise error

        monkeypatch.setattr(trainer.run.train, "train", train)
        monkeypatch.setenv("HOROVOD_RANK", "1")
        return command("--project", project, "--run-dir", tmp_path / "run")

    return run


def test_the_error_of_another_process_is_one_line(fails):
    result = fails(unknown(SHUT_DOWN))
    assert result.code == 3
    line = result.err.splitlines()[-1]
    assert line.startswith("[rank 1 on ") and "] Training ends, since another process" in line
    assert "Traceback" not in result.err


def test_processes_that_do_not_come_are_one_line(fails):
    result = fails(OthersMissing("Of 3 processes these did not come within 600 s: 2 (c:1)."))
    assert result.code == 3
    assert result.err.splitlines()[-1].endswith(
        "] Of 3 processes these did not come within 600 s: 2 (c:1)."
    )


def test_a_bug_of_its_own_keeps_its_traceback(fails):
    with pytest.raises(ZeroDivisionError, match="a bug"):
        fails(ZeroDivisionError("a bug"))

"""One of two processes fails, hangs, ends, or was started otherwise: all end, and one says why."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from devices import MULTI_WORKER
from processes import PROGRAMS, environment, launched

from trainer.checkpoints.checkpoint import newest_checkpoint, read_position

pytestmark = pytest.mark.slow

SCRIPT = PROGRAMS / "odd_one_out.py"
# Still longer than it takes to build a graph on a busy machine, which counts as no exchange.
SHORT_LIMIT = {"HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": "90", "DIET_TED_WAIT_SECONDS": "90"}
ECHO = "Training ends, since another process failed"


@pytest.fixture(params=["horovod", "multi_worker"])
def end_with(command_line, request):
    """`end_with(way, rank)`: the exit code and the output; that all ends is part of each test."""
    joined = MULTI_WORKER if request.param == "multi_worker" else ()

    def run(way: str, rank: int, **variables: str) -> tuple[int, str]:
        options = ["--project", str(command_line.project), "--set", "entity_recognition=false"]
        options += ["--run-dir", str(command_line.run_dir(f"{request.param}-{way}")), *joined]
        done = subprocess.run(
            launched([sys.executable, str(SCRIPT), way, str(rank), *options], 2),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            env={**environment(), **variables},
            start_new_session=True,
        )
        # What the launcher says when all have ended has a traceback of its own.
        said = [line for line in done.stdout.splitlines() if re.match(r"\[\d]<std", line)]
        return done.returncode, "\n".join(said)

    return run


@pytest.mark.parametrize("rank", [0, 1])
def test_a_bug_of_one_process_is_shown_and_no_error_of_the_other(end_with, rank):
    code, output = end_with("raises", rank)
    assert code != 0
    assert f"[{rank}]<stderr>:Process {rank} on " in output
    assert f"[{rank}]<stderr>:ZeroDivisionError: a bug of this process alone" in output
    assert f"[{1 - rank}]<stderr>:Traceback" not in output, output
    if ECHO in output:  # else the launcher was faster
        assert output.index(ECHO) > output.index("ZeroDivisionError")


@pytest.mark.parametrize("way", ["hangs", "freezes"])
def test_a_process_that_does_not_answer_ends_the_training(end_with, way):
    code, output = end_with(way, 1, **SHORT_LIMIT)
    assert code != 0
    assert "[0]<stderr>:Training ends, since " in output
    assert "Traceback" not in output


def test_a_chief_that_prepares_data_for_long_is_not_taken_for_hung(end_with):
    code, output = end_with("prepares_long", 0, **SHORT_LIMIT)
    assert code == 0, output[-4000:]
    assert "Trained 4 epochs" in output


def test_processes_with_different_options_refuse_and_name_them(end_with):
    code, output = end_with("has_another_seed", 1)
    assert code != 0
    said = "Process 1 was not started like process 0: configuration.diet.diet.random_seed: 3 -> 9"
    assert output.count(said) == 1 and output.count("Error: ") == 1
    assert "Traceback" not in output


def test_a_callback_of_the_chief_that_ends_training_ends_it_for_all(
    end_with, command_line, request
):
    code, output = end_with("ends_training", 0)
    assert code == 0, output[-4000:]
    assert "Stopped early, of 4: a callback ended training." in output
    assert "complete already" not in output
    strategy = request.node.callspec.params["end_with"]
    run_dir = command_line.run_dir(f"{strategy}-ends_training")
    at = read_position(newest_checkpoint(run_dir / "checkpoints"))
    assert at.step == 4  # told of step 3, when step 4 had begun

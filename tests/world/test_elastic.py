"""Processes die, join and leave while they train; the result is that of one device left alone.

One process per host, since the launcher gives up hosts on which one died; hosts are names of this
machine. Rules are those of `test_world_sizes.py`.
"""

from __future__ import annotations

import signal

import numpy as np
import pytest
from command_line import TOLERANCE, CommandLine, assert_same_weights
from elastic_job import ElasticJob

from trainer.records.run_lock import RunLock

pytestmark = pytest.mark.slow  # starting and meeting again take a minute in all

EPOCHS = 20
SAME_DRAWS = ("--epochs", str(EPOCHS), "--set", "drop_rate=0", "--set", "clip_norm=0.5")
LONG = ("--epochs", "150", "--set", "drop_rate=0", "--set", "clip_norm=0.5")
A, B = "localhost", "127.0.0.1"


@pytest.fixture(scope="module")
def undisturbed(command_line) -> str:
    command_line.train("undisturbed", *SAME_DRAWS)
    return "undisturbed"


def _job(
    command_line: CommandLine, name: str, *hosts: str, options=SAME_DRAWS, replaced=False
) -> ElasticJob:
    command = command_line.arguments(name, 1, *options)
    return ElasticJob(command_line.directory / "jobs" / name, command, *hosts, replaced=replaced)


def _assert_as_if_undisturbed(command_line: CommandLine, name: str, undisturbed: str) -> None:
    assert [row["epoch"] for row in command_line.metrics(name)] == list(range(1, EPOCHS + 1))
    # No example is lost, none is seen twice.
    np.testing.assert_allclose(
        command_line.losses(name), command_line.losses(undisturbed), rtol=TOLERANCE
    )
    assert_same_weights(command_line.variables(name), command_line.variables(undisturbed))


def _chief_and_other(job: ElasticJob) -> tuple[str, str]:
    """The hosts of ranks 0 and 1; the launcher takes hosts in any order."""
    return (A, B) if job.rank(A) == 0 else (B, A)


@pytest.mark.parametrize("victim", ["chief", "other"])
def test_training_survives_the_death_of_a_process(command_line, undisturbed, victim):
    name = f"lost-{victim}"
    with _job(command_line, name, A, B) as job:
        job.wait_for(f"epoch 3/{EPOCHS}  loss")
        chief, other = _chief_and_other(job)
        job.signal(chief if victim == "chief" else other, signal.SIGKILL)
        code, output = job.finish()
    assert code == 0, output[-4000:]
    assert "Going on with 1 process(es)" in output
    assert f"Trained {EPOCHS} epochs" in output
    _assert_as_if_undisturbed(command_line, name, undisturbed)


def test_a_process_joins_and_the_first_one_leaves(command_line, undisturbed):
    with _job(command_line, "joined", A) as job:
        job.wait_for(f"epoch 3/{EPOCHS}  loss")
        job.change_hosts(A, B, chief=A)
        job.wait_for("Going on with 2 process(es)")
        job.wait_for("  loss ")
        job.change_hosts(B, chief=A)
        code, output = job.finish()
    assert code == 0, output[-4000:]
    assert "Going on with 1 process(es)" in output
    _assert_as_if_undisturbed(command_line, "joined", undisturbed)


def test_each_process_is_lost_in_turn_and_replaced(command_line):
    command_line.train("undisturbed-for-long", *LONG)
    with _job(command_line, "replaced", A, B, options=LONG, replaced=True) as job:
        job.wait_for("epoch 3/150  loss")
        for host, signal_number in ((A, signal.SIGKILL), (B, signal.SIGTERM)):
            job.signal(host, signal_number)
            job.wait_for("Going on with 1 process(es)")
            job.wait_for("Going on with 2 process(es)")
            job.wait_for("  loss ")
        code, output = job.finish()
    assert code == 0, output[-4000:]
    assert [row["epoch"] for row in command_line.metrics("replaced")] == list(range(1, 151))
    # Rounding adds up: these are more steps than elsewhere.
    assert_same_weights(
        command_line.variables("undisturbed-for-long"),
        command_line.variables("replaced"),
        tolerance=1e-4,
    )


def test_a_finished_model_is_not_trained_again(dialogues):
    options = ("--set", "ted.epochs=20")
    with _job(dialogues, "both", A, B, options=options) as job:
        job.wait_for("epoch 3/20  loss")
        job.signal(_chief_and_other(job)[0], signal.SIGKILL)
        code, output = job.finish()
    assert code == 0, output[-4000:]
    assert "Training was complete already: 4 epochs of DIET" in output
    assert "Trained 20 epochs of TED" in output
    assert [row["epoch"] for row in dialogues.metrics("both")] == [1, 2, 3, 4]
    assert [row["epoch"] for row in dialogues.metrics("both/ted")] == list(range(1, 21))


def test_bad_input_ends_the_job(command_line):
    run_dir = command_line.run_dir("taken")
    run_dir.mkdir(parents=True)
    with RunLock(run_dir), _job(command_line, "taken", A, B) as job:
        code, output = job.finish()
    assert code != 0
    assert output.count("<stderr>:Error: ") == 1, output[-4000:]  # said by the chief, once
    assert output.count("Another process ended training") == 1
    assert output.count("exit with status code 2") == 2
    assert "Traceback" not in output.partition("exit with status code")[0]
    assert "Going on" not in output


@pytest.mark.parametrize("leaver", ["chief", "other"])
def test_a_signal_to_one_process_makes_only_it_leave(command_line, undisturbed, leaver):
    name = f"left-by-{leaver}"
    with _job(command_line, name, A, B) as job:
        job.wait_for(f"epoch 3/{EPOCHS}  loss")
        job.signal(_chief_and_other(job)[leaver == "other"], signal.SIGTERM)
        code, output = job.finish()
    assert code == 0, output[-4000:]
    assert "Left the job after step" in output and "Going on with 1 process(es)" in output
    assert f"Trained {EPOCHS} epochs" in output
    _assert_as_if_undisturbed(command_line, name, undisturbed)


def test_a_signal_to_all_processes_ends_the_job_with_a_checkpoint(command_line, undisturbed):
    with _job(command_line, "stopped", A, B) as job:
        job.wait_for(f"epoch 3/{EPOCHS}  loss")
        for host in (A, B):
            job.signal(host, signal.SIGTERM)
        code, output = job.finish()
    assert code != 0
    assert "Stopped after step" in output and "Going on" not in output
    output = command_line.train("stopped", *SAME_DRAWS)
    assert "epoch 1/" not in output
    _assert_as_if_undisturbed(command_line, "stopped", undisturbed)

"""How a training ends before it is done: signals, a full disk, a loss that is not a number."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import trainer.run.train
from trainer.checkpoints import checkpoint
from trainer.checkpoints.checkpoint import damage, newest_checkpoint, read_state
from trainer.distribution.distribution import SingleDevice
from trainer.run.signals import stop_on_signal
from trainer.training.agreement import Agreement
from trainer.training.loop import TrainingLoop

ROOT = Path(__file__).resolve().parents[3]
QUICK = ("--set", "entity_recognition=false")


@pytest.fixture
def train(command, project, tmp_path):
    """`train(option, ...)` trains the tiny project into `tmp_path / "run"`, intents only."""
    return lambda *arguments: command(
        "--project", project, "--run-dir", tmp_path / "run", *QUICK, *arguments
    )


def position(run):
    return read_state(newest_checkpoint(run / "checkpoints"))["position"]


class SignalAt(keras.callbacks.Callback):
    """Sends this process a signal after the given step."""

    def __init__(self, number, step):
        super().__init__()
        self._number, self._step = number, step

    def on_train_batch_end(self, batch, logs=None):
        if batch == self._step:
            os.kill(os.getpid(), self._number)


def add_callback(monkeypatch, callback):
    make = trainer.run.train._callbacks
    monkeypatch.setattr(trainer.run.train, "_callbacks", lambda *given: [*make(*given), callback])


def test_sigterm_ends_with_a_checkpoint_and_the_same_command_goes_on(train, tmp_path, monkeypatch):
    handler = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        add_callback(patch, SignalAt(signal.SIGTERM, step=2))
        stopped = train()
    assert stopped.code == 143 and stopped.out == "", "128 + SIGTERM"
    assert stopped.err.splitlines()[-1].startswith("Stopped after step 3, in epoch 1;")
    assert signal.getsignal(signal.SIGTERM) is handler
    assert position(tmp_path / "run")["step_in_epoch"] == 3  # it had begun
    finished = train()
    assert finished.code == 0, finished.err
    assert position(tmp_path / "run")["epoch"] == 2
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_a_signal_during_the_last_evaluation_is_not_lost(train, tmp_path, monkeypatch):
    evaluate = TrainingLoop.evaluate

    def interrupted(*given):
        os.kill(os.getpid(), signal.SIGTERM)
        return evaluate(*given)

    options = ("--epochs", "1", "--set", "evaluate_on_number_of_examples=5")
    options += ("--set", "evaluate_every_number_of_epochs=1")
    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "evaluate", interrupted)
        stopped = train(*options)
    assert stopped.code == 143 and stopped.out == "", stopped.err
    at = position(tmp_path / "run")
    assert at["epoch"] == 1
    line = f"Stopped after step {at['step']}, the last of epoch 1; a checkpoint was written."
    assert stopped.err.splitlines()[-1].startswith(line)
    finished = train(*options)
    assert finished.code == 0 and "Training was complete already" in finished.out


def test_a_signal_when_there_is_nothing_left_to_agree_on_is_delivered_afterwards(monkeypatch):
    heard = []
    monkeypatch.setattr(signal, "raise_signal", heard.append)
    agreement = Agreement(SingleDevice(), model=None, synchronise=lambda: None)
    with stop_on_signal(agreement):
        os.kill(os.getpid(), signal.SIGTERM)
    assert heard == [signal.SIGTERM]
    with pytest.raises(KeyError), stop_on_signal(agreement):  # what ends training is told instead
        raise KeyError
    assert heard == [signal.SIGTERM]


@pytest.mark.slow
def test_an_epoch_in_progress_keeps_its_plan_when_there_are_more_epochs(
    train, tmp_path, monkeypatch
):
    """Its batch size would be another one: it grows over all epochs."""
    sizes = ("--set", "batch_size=[4, 12]")

    def metrics():
        lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    assert train(*sizes, "--epochs", 3).code == 0
    alone = metrics()
    assert [line["global_batch_size"] for line in alone] == [4, 8, 12]
    (tmp_path / "run").rename(tmp_path / "alone")
    with monkeypatch.context() as patch:
        add_callback(patch, SignalAt(signal.SIGTERM, step=alone[0]["steps"] + 1))
        assert train(*sizes, "--epochs", 3).code == 143
    stopped_at = position(tmp_path / "run")
    result = train(*sizes, "--epochs", 5)
    assert result.code == 0, result.err
    assert [line["global_batch_size"] for line in metrics()] == [4, 8, 8, 10, 12]
    for name in ("steps", "examples", "loss/intent", "intent_accuracy"):
        assert metrics()[1][name] == alone[1][name], "as if it had not been interrupted"
    assert stopped_at["batch_size"] == 8


def test_a_loss_that_is_not_a_number_ends_with_the_step_and_keeps_checkpoints(train, tmp_path):
    result = train("--set", "learning_rate=1e30", "--set", "checkpoint_every_steps=1")
    assert "A gradient is not finite at step 2 of epoch 1 ({'loss/intent': " in result.line
    assert "learning_rate" in result.line
    assert position(tmp_path / "run")["step"] == 1
    assert damage(newest_checkpoint(tmp_path / "run" / "checkpoints")) is None


def test_a_full_disk_ends_with_one_line_and_keeps_the_checkpoint_before(
    train, tmp_path, monkeypatch
):
    write, written = checkpoint.write_variables, []

    def write_once(file, variables):
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(write(file, variables))

    monkeypatch.setattr(checkpoint, "write_variables", write_once)
    result = train("--set", "checkpoint_every_steps=1")
    assert "Cannot write a checkpoint to" in result.line
    assert "No space left on device" in result.line and "untouched" in result.line
    (only,) = (tmp_path / "run" / "checkpoints").iterdir()
    assert damage(only) is None and read_state(only)["position"]["step"] == 1


def test_a_full_disk_elsewhere_is_one_line_too(train, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "metrics.jsonl")

    monkeypatch.setattr(trainer.records.run_directory.RunDirectory, "record", full)
    assert train().line == "Error: metrics.jsonl: No space left on device."


def test_a_bug_keeps_its_traceback(train, monkeypatch):
    def broken(*_, **__):
        raise FileNotFoundError(errno.ENOENT, "a bug")

    monkeypatch.setattr(trainer.records.run_directory.RunDirectory, "record", broken)
    with pytest.raises(FileNotFoundError, match="a bug"):
        train()


def test_ctrl_c_before_the_first_step_is_one_line(train, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer.records.run_directory.RunDirectory, "record", interrupted)
    result = train()
    assert result.code == 130 and result.err.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in result.err


def in_a_process(project, run, *arguments):
    return subprocess.Popen(
        [
            *(sys.executable, "-u", "-m", "trainer", "--project", project, "--run-dir", run),
            *arguments,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_ctrl_c_in_a_process_ends_with_130_and_the_same_command_goes_on(project, tmp_path):
    arguments = (*QUICK, "--epochs", "30")
    process = in_a_process(project, tmp_path / "run", *arguments)
    for line in process.stderr:
        if line.startswith("epoch 2/30"):
            process.send_signal(signal.SIGINT)
            break
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert err.splitlines()[-1].startswith("Stopped after step ")
    assert "Traceback" not in err
    epoch = position(tmp_path / "run")["epoch"]
    assert 2 <= epoch < 30
    process = in_a_process(project, tmp_path / "run", *arguments)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert f"epoch {epoch + 1}/30" in err and f"epoch {epoch}/30" not in err
    assert "Trained 30 epochs" in out


def test_a_batch_smaller_than_the_number_of_devices(project, tmp_path):
    process = in_a_process(
        *(project, tmp_path / "run", "--strategy", "mirrored"),
        *("--set", "logical_cpu_devices=4", "--set", "batch_size=2"),
    )
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2 and out == ""
    line = err.splitlines()[-1]
    assert line.startswith("Error: batch_size is global and must be at least the number of dev")
    assert "4. Received: 2" in line and "Traceback" not in err
    assert not (tmp_path / "run").exists()


def test_a_fresh_run_that_is_stopped_tells_where_it_goes_on(train, tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    with monkeypatch.context() as patch:
        add_callback(patch, SignalAt(signal.SIGTERM, step=2))
        stopped = train("--fresh")
    assert stopped.code == 143
    there = tmp_path / "run-2"
    assert stopped.err.splitlines()[-1].endswith(
        f"a checkpoint was written. Go on with --run-dir {there} in the place of --fresh."
    )
    assert position(there)["step"] == 3

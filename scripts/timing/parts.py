"""How long the parts of a step take: by differences between programs that do more and more of it.

The same batches go, in turns, through the forward pass alone, through forward and backward pass,
and through the whole step. What one takes longer than the one before is the part that it adds.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import tensorflow as tf

from model.noise import Noise
from trainer.training.batch_stream import BatchStream
from trainer.training.loop import TrainingLoop
from trainer.training.step import TrainStep
from trainer.training.unrewritten_graphs import unrewritten_graphs

BATCHES = 6
WARM_UP = 2


def times_of_parts(task: Any, directory: Path, rounds: int) -> dict[str, float]:
    """Milliseconds of a step by part (wall, medians) and of the whole step's processor time."""
    data = task.prepare(directory)
    options = task.config.options
    loop = TrainingLoop(
        lambda: task.make_model(data.fitted),
        learning_rate=options.learning_rate,
        distribution="single",
        seed=options.seed,
    )
    schedule = task.config.schedule
    last = schedule.epochs - 1  # of the size that batches have in the end
    stream = BatchStream(
        loop.distribution,
        data.store,
        lambda epoch: schedule.plan(data.store.labels, last),
        loop.model.training_signature(),
        epochs=range(BATCHES),
    )
    batches, waits = _timed_input(stream, BATCHES)
    programs = _programs(loop, stream.element_spec, options.seed)
    with unrewritten_graphs():
        wall, cpu = _times_in_turns(programs, batches, rounds)
    return {
        "rows": int(next(iter(batches[-1].values())).shape[0]),
        "input": 1000 * median(waits),
        **_differences(wall),
        "cpu": 1000 * median(cpu["step"]),
    }


def _times_in_turns(
    programs: Mapping[str, Callable[[Any, int], Any]], batches: list[Any], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of wall and of processor time per step, by program."""
    wall: dict[str, list[float]] = {name: [] for name in programs}
    cpu: dict[str, list[float]] = {name: [] for name in programs}
    number = itertools.count(1)
    for round_number in range(rounds + 1):
        for name, program in programs.items():
            for batch in batches[:WARM_UP] if round_number == 0 else batches:
                started, started_cpu = time.perf_counter(), time.process_time()
                program(batch, next(number))
                if round_number:
                    wall[name].append(time.perf_counter() - started)
                    cpu[name].append(time.process_time() - started_cpu)
    return wall, cpu


def _timed_input(stream: BatchStream, count: int) -> tuple[list[Any], list[float]]:
    """Batches that were fetched one after the other, and how long each was waited for."""
    batches, waits = [], []
    iterator = stream.take(count)
    for _ in range(count):
        started = time.perf_counter()
        batches.append(next(iterator))
        waits.append(time.perf_counter() - started)
    return batches, waits[1:]


def _differences(wall: Mapping[str, list[float]]) -> dict[str, float]:
    forward, both, step = (1000 * median(wall[name]) for name in ("forward", "backward", "step"))
    return {
        "forward": forward,
        "backward": both - forward,
        "optimizer": step - both,
        "step": step,
    }


def _programs(loop: TrainingLoop, spec: Any, seed: int) -> dict[str, Callable[[Any, int], Any]]:
    model, replicas = loop.model, loop.distribution.replicas

    def loss(batch: Any, step: tf.Tensor) -> tf.Tensor:
        terms = model.loss_terms(batch, Noise(seed, step, replicas), replicas)
        return tf.add_n([total / weight for total, weight in terms.losses.values()])

    def forward(batch: Any, step: tf.Tensor) -> tf.Tensor:
        with loop.optimizer.read_by(model):
            return loss(batch, step)

    def backward(batch: Any, step: tf.Tensor) -> list:
        with loop.optimizer.read_by(model), tf.GradientTape() as tape:
            found = loss(batch, step)
        gradients = tape.gradient(found, [v.value for v in model.trainable_variables])
        return [gradient for gradient in gradients if gradient is not None]

    signature = [spec, tf.TensorSpec([], tf.int64)]
    whole = TrainStep(model, loop.optimizer, loop.distribution, loop.loss_scale, seed=seed)
    whole.compile(spec)

    def compiled(function: Callable) -> Callable[[Any, int], None]:
        program = tf.function(function, input_signature=signature, autograph=False)
        return lambda batch, step: _wait_for(program(batch, tf.constant(step, tf.int64)))

    return {
        "forward": compiled(forward),
        "backward": compiled(backward),
        "step": lambda batch, step: whole(batch, step).read(),
    }


def _wait_for(result: Any) -> None:
    """On a GPU a call returns before its work is done; the last tensor tells when it is."""
    tensor = tf.nest.flatten(result, expand_composites=True)[-1]
    tf.reduce_sum(tf.cast(tensor, tf.float32)).numpy()

"""How fast an exported DIET answers, in a process of its own; and Rasa's `parse`, if it is there.

    python scripts/benchmark_serving.py MODELS/NAME/1 --texts test.yml
    python scripts/benchmark_serving.py MODELS/NAME/1 --texts test.yml \
        --rasa-python RASA_VENV/bin/python --rasa-model models/model.tar.gz

Prints a Markdown table: milliseconds for one sentence (the middle one of all, and the one that 1 %
are slower than), sentences per second in batches, seconds to load, memory. `--threads 1` answers on
one core. CPU time per sentence does not depend on what else the machine does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from data_pipeline.rasa_files.nlu_files import read_nlu

MEASURE = """
import json, resource, sys, time

def milliseconds(seconds, share):
    return 1000 * sorted(seconds)[min(int(share * len(seconds)), len(seconds) - 1)]

def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def one_by_one(answer, texts, repeats):
    for text in texts[:20]:
        answer([text])
    seconds, cpu = [], time.process_time()
    for text in texts * repeats:
        begin = time.perf_counter()
        answer([text])
        seconds.append(time.perf_counter() - begin)
    cpu = 1000 * (time.process_time() - cpu) / len(seconds)
    return {"p50": milliseconds(seconds, 0.5), "p99": milliseconds(seconds, 0.99), "cpu": cpu}

def per_second(answer, texts, size):
    batches = [texts[start : start + size] for start in range(0, len(texts), size)]
    answer(batches[0])
    begin = time.perf_counter()
    for batch in batches:
        answer(batch)
    return len(texts) / (time.perf_counter() - begin)

path, texts, sizes, threads, repeats = json.load(open(sys.argv[1]))
"""
OF_SAVED_MODEL = """
import tensorflow as tf

if threads:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
before, begin = memory(), time.perf_counter()
serve = tf.saved_model.load(path).signatures["serving_default"]
load = time.perf_counter() - begin

def answer(some):
    return {name: tensor.numpy() for name, tensor in serve(text=tf.constant(some)).items()}

figures = {"version": tf.__version__, "load": load, **one_by_one(answer, texts, repeats)}
figures["per_second"] = {size: per_second(answer, texts * repeats, size) for size in sizes}
print(json.dumps({**figures, "memory": memory(), "memory_without": before}))
"""
OF_RASA = """
import asyncio
import rasa
from rasa.core.agent import Agent

before, begin = memory(), time.perf_counter()
agent = Agent.load(path)
load = time.perf_counter() - begin
loop = asyncio.new_event_loop()

def answer(some):
    for text in some:
        loop.run_until_complete(agent.parse_message(text))

figures = {"version": rasa.__version__, "load": load, **one_by_one(answer, texts, 1)}
print(json.dumps({**figures, "per_second": {}, "memory": memory(), "memory_without": before}))
"""
HEADER = "| | p50 ms | p99 ms | CPU ms | {batches} | load s | memory MB (of which libraries) |"


def measured(python: str, program: str, question: list) -> dict:
    """What the program prints of the model, in a process of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(question, file)
        file.flush()
        done = subprocess.run(
            [python, "-c", MEASURE + program, file.name], stdout=subprocess.PIPE, text=True
        )
    if done.returncode:
        raise click.ClickException(f"{python} ended with {done.returncode}; it says why above.")
    return json.loads(done.stdout.splitlines()[-1])


def row(name: str, figures: dict, sizes: tuple[int, ...]) -> str:
    """A row of the table.

    >>> figures = {"p50": 2.5, "p99": 4.0, "cpu": 2.0, "load": 1.5, "memory": 600.4}
    >>> row("Rasa", {**figures, "memory_without": 400, "per_second": {}}, (1,))
    '| Rasa | 2.5 | 4.0 | 2.0 | – | 1.5 | 600 (400) |'
    """
    in_batches = [figures["per_second"].get(str(size)) for size in sizes]
    cells = [f"{figures[name]:.1f}" for name in ("p50", "p99", "cpu")]
    cells += ["–" if rate is None else f"{rate:.0f}" for rate in in_batches]
    cells += [f"{figures['load']:.1f}"]
    cells += [f"{figures['memory']:.0f} ({figures['memory_without']:.0f})"]
    return f"| {name} | " + " | ".join(cells) + " |"


PATH = click.Path(path_type=Path, exists=True)


@click.command()
@click.argument("saved_model", type=PATH)
@click.option("--texts", type=PATH, required=True, help="NLU file whose texts are asked.")
@click.option("--most", default=700, show_default=True, help="How many of the texts.")
@click.option("--repeats", default=3, show_default=True, help="How often each is asked.")
@click.option("--batch", "sizes", type=int, multiple=True, default=(1, 32, 256), show_default=True)
@click.option("--threads", default=0, help="Of TensorFlow; 0 = as many as there are cores.")
@click.option("--rasa-python", type=PATH, help="The Python of an environment with Rasa.")
@click.option("--rasa-model", type=PATH, help="A model that `rasa train` packed.")
def main(
    saved_model: Path,
    texts: Path,
    most: int,
    repeats: int,
    sizes: tuple[int, ...],
    threads: int,
    rasa_python: Path | None,
    rasa_model: Path | None,
) -> None:
    """Print a table of how fast a SavedModel answers."""
    if (rasa_python is None) != (rasa_model is None):
        raise click.UsageError("--rasa-python and --rasa-model belong together.")
    some = [message.text for message in read_nlu([texts]).messages]
    some = some[:: max(1, len(some) // most)][:most]
    batches = " | ".join(f"per second, {size} at once" for size in sizes)
    question = [str(saved_model), some, sizes, threads, repeats]
    figures = measured(sys.executable, OF_SAVED_MODEL, question)
    head = HEADER.format(batches=batches)
    lines = [head, "|---" * (head.count("|") - 1) + "|"]
    lines.append(row(f"SavedModel (TensorFlow {figures['version']})", figures, sizes))
    if rasa_python is not None:
        figures = measured(str(rasa_python), OF_RASA, [str(rasa_model), *question[1:]])
        lines.append(row(f"Rasa {figures['version']}", figures, sizes))
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()

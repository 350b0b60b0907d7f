"""How fast an exported DIET answers, alone and over HTTP; and Rasa's `parse`, if it is there.

    python scripts/benchmark_serving.py MODELS/NAME/1 --texts test.yml
    python scripts/benchmark_serving.py MODELS/NAME/1 --texts test.yml \
        --rasa-python RASA_VENV/bin/python --rasa-project PROJECT

Prints a Markdown table: milliseconds for one sentence (the middle one of all, and the one that 1 %
are slower than), sentences per second in batches, seconds to load, memory; each program in a
process of its own. `--threads 1` answers on one core. CPU time per sentence does not depend on what
else the machine does. Of Rasa's project the NLU models are trained for one epoch first: how fast
they answer does not depend on what they have learnt.

Then a table of `serve` on the same model, asked over HTTP on 1 to 64 connections.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click
import yaml
from load.clients import Crowd
from load.servers import Server

from data_pipeline.rasa_files.nlu_files import read_nlu
from trainer.config.project import Project

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


def model_of_rasa(python: Path, project: Project, scratch: Path) -> Path:
    """What `rasa train nlu` packs of the project's NLU pipeline after one epoch.

    Raises:
        click.ClickException: it fails; says with what.
    """
    config = yaml.safe_load(project.config.read_text(encoding="utf-8"))
    for component in config["pipeline"]:
        if "epochs" in component:
            component["epochs"] = 1
    files = [path.absolute() for path in project.nlu]
    scratch.joinpath("config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [python, "-m", "rasa", "train", "nlu", "--config", "config.yml", "--nlu", *files]
    command += ["--domain", *(path.absolute() for path in project.domain)] if project.domain else []
    # In a folder of its own: Rasa keeps a cache where it is started.
    done = subprocess.run(
        [str(word) for word in command],
        cwd=scratch,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    found = sorted(scratch.glob("models/*.tar.gz"))
    if done.returncode or not found:
        raise click.ClickException(f"rasa train nlu failed:\n{done.stdout[-2000:]}")
    return found[0]


async def over_http(
    models: Path, texts: Sequence[str], connections: Sequence[int], seconds: float, scratch: Path
) -> list[str]:
    """A Markdown table of `serve` on the exported models in the folder."""
    lines = ["| `serve`, connections | answers per second | p50 ms | p99 ms |", "|---|---|---|---|"]
    server = await Server(models, scratch / "serve.log").started()
    try:
        for count in connections:
            begun = time.monotonic()
            crowd = Crowd(server.address, texts, dialogues=False)
            clients = [asyncio.create_task(crowd.customer(number)) for number in range(count)]
            await asyncio.sleep(seconds)
            crowd.over = True
            await asyncio.gather(*clients)
            taken = time.monotonic() - begun
            if set(crowd.customers) != {200}:
                raise click.ClickException(f"serve answered otherwise: {crowd.customers}")
            took = sorted(crowd.seconds)
            p50, p99 = (1000 * took[int(share * (len(took) - 1))] for share in (0.5, 0.99))
            lines.append(f"| {count} | {len(took) / taken:.0f} | {p50:.1f} | {p99:.1f} |")
    finally:
        server.kill()
    return lines


PATH = click.Path(path_type=Path, exists=True)


@click.command()
@click.argument("saved_model", type=PATH)
@click.option("--texts", type=PATH, required=True, help="NLU file whose texts are asked.")
@click.option("--most", default=700, show_default=True, help="How many of the texts.")
@click.option("--repeats", default=3, show_default=True, help="How often each is asked.")
@click.option("--batch", "sizes", type=int, multiple=True, default=(1, 32, 256), show_default=True)
@click.option("--threads", default=0, help="Of TensorFlow; 0 = as many as there are cores.")
@click.option("--rasa-python", type=PATH, help="The Python of an environment with Rasa.")
@click.option("--rasa-project", type=PATH, help="Whose NLU models Rasa trains and asks.")
@click.option("--connections", type=int, multiple=True, default=(1, 8, 64), show_default=True)
@click.option("--seconds", default=10.0, show_default=True, help="Over HTTP, so long each.")
def main(
    saved_model: Path,
    texts: Path,
    most: int,
    repeats: int,
    sizes: tuple[int, ...],
    threads: int,
    rasa_python: Path | None,
    rasa_project: Path | None,
    connections: tuple[int, ...],
    seconds: float,
) -> None:
    """Print tables of how fast a SavedModel answers."""
    if (rasa_python is None) != (rasa_project is None):
        raise click.UsageError("--rasa-python and --rasa-project belong together.")
    some = [message.text for message in read_nlu([texts]).messages]
    some = some[:: max(1, len(some) // most)][:most]
    batches = " | ".join(f"per second, {size} at once" for size in sizes)
    question = [str(saved_model), some, sizes, threads, repeats]
    figures = measured(sys.executable, OF_SAVED_MODEL, question)
    head = HEADER.format(batches=batches)
    lines = [head, "|---" * (head.count("|") - 1) + "|"]
    lines.append(row(f"SavedModel (TensorFlow {figures['version']})", figures, sizes))
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if rasa_python is not None and rasa_project is not None:
            project = Project.from_directory(rasa_project)
            model = model_of_rasa(rasa_python.absolute(), project, scratch)
            figures = measured(str(rasa_python), OF_RASA, [str(model), *question[1:]])
            lines.append(row(f"Rasa {figures['version']}", figures, sizes))
        shutil.copytree(saved_model, scratch / "served" / "1")
        lines.append("")
        lines += asyncio.run(over_http(scratch / "served", some, connections, seconds, scratch))
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()

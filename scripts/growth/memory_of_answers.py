"""How the memory of an exported model grows with the number of its answers.

    python scripts/growth/memory_of_answers.py MODELS/NAME/1 --texts test.yml --questions 6000

Asks for 1 to 32 texts at a time, cut to any number of words, so that nearly every question has
sizes of its own, on one thread, and prints a Markdown row of the resident memory: at first, and
after every twelfth of them.
Variables of the environment show what it is: `TF_ENABLE_ONEDNN_OPTS=0`,
`ONEDNN_PRIMITIVE_CACHE_CAPACITY=0`, `MALLOC_ARENA_MAX=1`.
"""

from __future__ import annotations

import random
from pathlib import Path

import click

PAGE_BYTES = 4096
PARTS = 12
MOST_TEXTS = 32
FILE = click.Path(exists=True, path_type=Path)


@click.command(help=__doc__.split("\n", 1)[0])
@click.argument("export", type=FILE)
@click.option("--texts", type=FILE, required=True, help="Messages, in Rasa's YAML.")
@click.option("--questions", default=6000, show_default=True, type=click.IntRange(min=PARTS))
def main(export: Path, texts: Path, questions: int) -> None:
    import tensorflow as tf

    from data_pipeline.rasa_files.nlu_files import read_nlu

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    messages = [message.text.split() for message in read_nlu([texts]).messages]
    model = tf.saved_model.load(str(export))
    answer = model.signatures["serving_default"]
    chance = random.Random(1)
    found = [resident_mb()]
    for number in range(1, questions + 1):
        answer(text=tf.constant(some_texts(messages, chance)))
        if number % (questions // PARTS) == 0:
            found.append(resident_mb())
    click.echo("| " + " | ".join(f"{value:.0f}" for value in found) + " |")


def some_texts(messages: list[list[str]], chance: random.Random) -> list[str]:
    """Beginnings of some messages."""
    chosen = chance.choices(messages, k=chance.randint(1, MOST_TEXTS))
    return [" ".join(words[: chance.randint(1, len(words))]) for words in chosen if words]


def resident_mb() -> float:
    """Megabytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * PAGE_BYTES / 1e6


if __name__ == "__main__":
    main()

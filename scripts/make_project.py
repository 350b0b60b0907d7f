"""Writes a Rasa project of any size, to see how time and memory grow with it.

    python scripts/make_project.py OUT [--messages 10000] [--intents 50] [--words 20000] …

Words are drawn as in natural text: the n-th most frequent one with a probability of 1/n (Zipf), so
that most words are rare and new ones keep turning up. Each intent has words of its own beside those
of all; some words are entities. Texts mean nothing. The same arguments write the same files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import yaml

CONSONANTS, VOWELS = "bdfghklmnprstvz", "aeiou"
SHARE_OF_OWN_WORDS = 0.3
SHARE_OF_ENTITIES = 0.15
OWN_WORDS = 40
LONGEST = 25
CHUNK = 10_000
CONFIG = {
    "recipe": "default.v1",
    "language": "en",
    "pipeline": [
        {"name": "WhitespaceTokenizer"},
        {"name": "LexicalSyntacticFeaturizer"},
        {"name": "CountVectorsFeaturizer"},
        {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
        {"name": "DIETClassifier", "epochs": 1, "batch_size": 256, "random_seed": 1},
    ],
    "policies": [{"name": "TEDPolicy", "max_history": 5, "epochs": 1, "random_seed": 1}],
}


@dataclass(frozen=True)
class Size:
    """How much of everything there is."""

    messages: int = 10_000
    intents: int = 50
    words: int = 20_000
    entities: int = 10
    stories: int = 500
    seed: int = 0


def word(number: int) -> str:
    """The word with this number: frequent ones are short, as in natural languages.

    >>> [word(n) for n in (0, 1, 74, 75, 76, 5000)]
    ['ba', 'be', 'zu', 'baba', 'babe', 'vara']
    """
    syllables = len(CONSONANTS) * len(VOWELS)
    made, number = "", number + 1
    while number:
        number, last = divmod(number - 1, syllables)
        made = CONSONANTS[last // len(VOWELS)] + VOWELS[last % len(VOWELS)] + made
    return made


def messages(size: Size) -> Iterator[tuple[int, str]]:
    """The number of an intent and an annotated text, so many times; sorted by intent."""
    chances = 1 / np.arange(1, size.words + 1)
    bounds = np.cumsum(chances / chances.sum())
    counts = np.bincount(np.arange(size.messages) % size.intents, minlength=size.intents)
    for intent, count in enumerate(counts):
        for start in range(0, count, CHUNK):
            random = np.random.default_rng([size.seed, intent, start])
            for text in _texts(random, intent, min(CHUNK, count - start), bounds, size):
                yield intent, text


def _texts(
    random: np.random.Generator, intent: int, count: int, bounds: np.ndarray, size: Size
) -> Iterator[str]:
    lengths = np.minimum(2 + random.poisson(6, count), LONGEST)
    total = int(lengths.sum())
    numbers = np.minimum(np.searchsorted(bounds, random.random(total)), size.words - 1)
    own = random.random(total) < SHARE_OF_OWN_WORDS
    numbers[own] = (intent * OWN_WORDS + random.integers(0, OWN_WORDS, own.sum())) % size.words
    tagged = (random.random(total) < SHARE_OF_ENTITIES) & bool(size.entities)
    ends = np.cumsum(lengths)
    for begin, end in zip(ends - lengths, ends, strict=True):
        yield " ".join(_spoken(int(numbers[n]), tagged[n], size) for n in range(begin, end))


def _spoken(number: int, tagged: bool, size: Size) -> str:
    return f"[{word(number)}](entity_{number % size.entities})" if tagged else word(number)


def write_nlu(path: Path, size: Size) -> None:
    """All messages, line by line: memory does not grow with their number."""
    with path.open("w", encoding="utf-8") as file:
        file.write('version: "3.1"\nnlu:\n')
        current = None
        for intent, text in messages(size):
            if intent != current:
                file.write(f"- intent: intent_{intent}\n  examples: |\n")
                current = intent
            file.write(f"    - {text}\n")


def stories(size: Size) -> dict:
    """Dialogues of two to five turns; an intent is nearly always answered by its own action."""
    random = np.random.default_rng([size.seed, size.intents])
    told = []
    for number in range(size.stories):
        steps: list[dict] = []
        for intent in random.integers(0, size.intents, random.integers(2, 6)).tolist():
            action = intent if random.random() < 0.9 else (intent + 1) % size.intents
            steps += [{"intent": f"intent_{intent}"}, {"action": f"utter_{action}"}]
        told.append({"story": f"story {number}", "steps": steps})
    return {"version": "3.1", "stories": told}


def domain(size: Size) -> dict:
    """What messages and stories name."""
    return {
        "version": "3.1",
        "intents": [f"intent_{n}" for n in range(size.intents)],
        "entities": [f"entity_{n}" for n in range(size.entities)],
        "responses": {f"utter_{n}": [{"text": word(n)}] for n in range(size.intents)},
    }


def make_project(out: Path, size: Size) -> None:
    """Write a project into a folder."""
    (out / "data").mkdir(parents=True, exist_ok=True)
    contents = {"config.yml": CONFIG, "domain.yml": domain(size)}
    if size.stories:
        contents["data/stories.yml"] = stories(size)
    for name, content in contents.items():
        (out / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    write_nlu(out / "data" / "nlu.yml", size)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--messages", default=Size.messages, show_default=True)
@click.option("--intents", default=Size.intents, show_default=True)
@click.option("--words", default=Size.words, show_default=True, help="That may occur.")
@click.option("--entities", default=Size.entities, show_default=True, help="Types.")
@click.option("--stories", default=Size.stories, show_default=True)
@click.option("--seed", default=Size.seed, show_default=True)
def main(out: Path, **size: int) -> None:
    """Write a Rasa project of the given size to OUT."""
    make_project(out, Size(**size))


if __name__ == "__main__":
    main()

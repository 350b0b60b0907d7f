"""Makes many end-to-end stories of some, to see how time and memory grow with them.

    python scripts/growth/multiply_stories.py STORIES OUT --stories 8500

The first ones are the given stories; then come copies, in most texts of which one word is another
one of the same texts. So nearly all texts are distinct, as they would be in as many real stories,
while the vocabulary stays what it was. The same arguments write the same file; fewer stories are
the beginning of more.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

SHARE_OF_CHANGED_TEXTS = 0.8
SPOKEN = ("user", "bot")


def multiplied(stories: Sequence[dict], count: int, seed: int = 0) -> Iterator[dict]:
    """So many stories, over and over again with a word changed here and there."""
    draws = random.Random(seed)
    words = [word for story in stories for text in _texts(story) for word in text.split()]
    for number in range(count):
        copy, which = divmod(number, len(stories))
        story = stories[which]
        if copy:
            story = {
                "story": f"{story['story']} {copy}",
                "steps": [_changed(step, words, draws) for step in story["steps"]],
            }
        yield story


def _texts(story: dict) -> Iterator[str]:
    for step in story["steps"]:
        yield from (step[name] for name in SPOKEN if name in step)


def _changed(step: dict[str, Any], words: Sequence[str], draws: random.Random) -> dict[str, Any]:
    return {
        name: _with_another_word(value, words, draws) if name in SPOKEN else value
        for name, value in step.items()
    }


def _with_another_word(text: str, words: Sequence[str], draws: random.Random) -> str:
    if draws.random() >= SHARE_OF_CHANGED_TEXTS:
        return text
    changed = text.split()
    changed[draws.randrange(len(changed))] = draws.choice(words)
    return " ".join(changed)


@click.command()
@click.argument("stories", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--stories", "count", type=click.IntRange(1), default=8500, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(stories: Path, out: Path, count: int, seed: int) -> None:
    """Write so many stories, made of those of the file STORIES, to the file OUT."""
    told = yaml.load(stories.read_text(encoding="utf-8"), yaml.CSafeLoader)["stories"]
    with out.open("w", encoding="utf-8") as file:
        file.write('version: "3.1"\nstories:\n')
        for story in multiplied(told, count, seed):
            file.write(f"- {json.dumps(story, ensure_ascii=False)}\n")  # JSON is YAML


if __name__ == "__main__":
    main()

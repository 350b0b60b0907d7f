"""How many regexes of Rasa projects an exported model runs, and which it refuses.

    python scripts/patterns/count_patterns.py examples/pizza PROJECTS/*

Prints a Markdown table with a row per project (a folder with NLU training data) that has regexes or
lookup tables, and below it each regex that is refused, with the reason. A regex is translated if it
is one both with and without `case_sensitive`; lookup tables need no regexes, whatever is in them.
Equal patterns of different projects count once in the last row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import click

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.nlu_files import find_nlu_files, iter_nlu_file
from data_pipeline.rasa_files.training_items import LookupTable, RegexPattern, TrainingItem
from data_pipeline.text_graph.patterns.pattern_matching import PatternMatching
from data_pipeline.text_graph.patterns.pattern_program import PatternProgram
from data_pipeline.text_graph.strings.characters import Kinds
from data_pipeline.text_graph.strings.not_in_graph import NotInGraph

COLUMNS = ("project", "regexes", "translated", "refused", "lookup tables", "words in them")
FLAGS = (0, re.IGNORECASE)


class Found(NamedTuple):
    """What the training data of a project has.

    Attributes:
        patterns: the distinct ones, in file order.
        tables: sizes of the lookup tables.
    """

    patterns: tuple[str, ...]
    tables: tuple[int, ...]


def found_in(project: Path) -> Found:
    """Read the project's training data, as far as it can be read.

    Raises:
        InputError: there is none.
    """
    items = [item for file in find_nlu_files([project]) for item in _items(file)]
    patterns = dict.fromkeys(item.pattern for item in items if isinstance(item, RegexPattern))
    tables = (len(item.elements) for item in items if isinstance(item, LookupTable))
    return Found(tuple(patterns), tuple(tables))


def _items(file: Path) -> Iterator[TrainingItem]:
    try:
        yield from iter_nlu_file(file)
    except InputError as error:  # the rest of it cannot be read
        click.echo(f"{file}: read in part: {error}", err=True)


def refusals(patterns: Iterable[str]) -> dict[str, str]:
    """Those of the patterns that have no form in the graph, and why.

    >>> refusals(["[0-9]{5}", "a(?=b)"])
    {'a(?=b)': 'it looks ahead or behind, by (?=...) or (?<=...)'}
    """
    kinds, refused = Kinds(), {}
    for pattern in patterns:
        try:
            for flags in FLAGS:
                PatternMatching([PatternProgram.of(pattern, flags)], kinds)
        except NotInGraph as reason:
            refused[pattern] = str(reason)
    return refused


def row(name: str, found: Found, refused: Iterable[str]) -> str:
    """A row of the table.

    >>> row("pizza", Found(("a", "b"), (3, 4)), ["b"])
    '| pizza | 2 | 1 | 1 | 2 | 7 |'
    """
    regexes, count = len(found.patterns), len(set(refused).intersection(found.patterns))
    cells = (name, regexes, regexes - count, count, len(found.tables), sum(found.tables))
    return "| " + " | ".join(map(str, cells)) + " |"


@click.command()
@click.argument("projects", type=click.Path(path_type=Path, exists=True), nargs=-1, required=True)
def main(projects: tuple[Path, ...]) -> None:
    """Print how many regexes of PROJECTS are translated and refused."""
    rows, every = [], Found((), ())
    for project in projects:
        try:
            found = found_in(project)
        except InputError as error:
            click.echo(f"{project}: left out: {error}", err=True)
            continue
        if found.patterns or found.tables:
            rows.append((project.name, found))
        patterns = dict.fromkeys((*every.patterns, *found.patterns))
        every = Found(tuple(patterns), (*every.tables, *found.tables))
    refused = refusals(every.patterns)
    head = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines = [*head, *(row(name, found, refused) for name, found in rows)]
    click.echo("\n".join([*lines, row(f"all {len(projects)}", every, refused)]))
    for pattern, reason in refused.items():
        click.echo(f"\nrefused: `{pattern}`: {reason}")


if __name__ == "__main__":
    main()

"""Patterns as an automaton that reads each character once and finds the matches `re` would take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from data_pipeline.text_graph.patterns.pattern_program import PatternProgram
from data_pipeline.text_graph.strings.characters import CODE_POINTS, characters_like
from data_pipeline.text_graph.strings.not_in_graph import NotInGraph

DEAD = -1
MAX_STATES = 5_000
MAX_CELLS = 4_000_000

EDGE_FACTS = ("boundary", "start", "end", "last line break")
"""What may be known about the edge between two characters: `\\b` holds, the text begins or ends
here, only a line break follows."""

Edge = frozenset[str]
"""The facts that hold at an edge."""

Thread = int
"""The number of an instruction that is to be executed next."""


@dataclass(frozen=True)
class Automaton:
    """The automata of several patterns, numbered on, over one division of characters into classes.

    A state is a list of instructions in order of preference, as in RE2's leftmost-first search:
    behind a match nothing is tried. So the last accepting state on a way from a character on is the
    end of the match there that backtracking finds first.

    Attributes:
        starts: the first state of each pattern.
        classes: `[CODE_POINTS]` int32, the class of every character.
        facts: those of `EDGE_FACTS` that some pattern asks about. An edge's number in the tables
            has a bit for each, the last one's being 1.
        accepts: `[states, edges]` bool: whether a match ends in this state, at this edge.
        following: `[states, edges, classes]` int32: the state after a character of a class that
            follows such an edge; `DEAD` if there is none.
    """

    starts: tuple[int, ...]
    classes: np.ndarray
    facts: tuple[str, ...]
    accepts: np.ndarray
    following: np.ndarray

    @classmethod
    def of(cls, programs: Sequence[PatternProgram]) -> Automaton:
        """Translates the programs.

        Raises:
            NotInGraph: the tables would be too large.
        """
        steps = [step for program in programs for step in program.instructions]
        sets = sorted({step.characters for step in steps if step.kind == "character"})
        classes, holds = _divide([_members(*characters) for characters in sets])
        facts = _facts({step.assertion for step in steps if step.kind == "assertion"})
        builder = _Builder(dict(zip(sets, holds, strict=True)), _edges(facts))
        starts = tuple(builder.add(program) for program in programs)
        return cls(starts, classes, facts, np.stack(builder.accepts), np.stack(builder.following))


@lru_cache(256)
def _members(pattern: str, flags: int) -> np.ndarray:
    return characters_like(re.compile(f"{pattern}+", flags))


def _divide(sets: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Classes of characters that are in the same sets, and `[sets, classes]` which those are."""
    classes = np.zeros(CODE_POINTS, np.int32)
    for members in sets:
        classes = 2 * classes + members
        occurs = np.bincount(classes) > 0
        classes = (np.cumsum(occurs, dtype=np.int32) - 1)[classes]
    examples = np.zeros(classes.max() + 1, np.int64)
    examples[classes] = np.arange(CODE_POINTS)  # any one character of each class
    return classes, np.stack([members[examples] for members in sets])


def _facts(assertions: Iterable[str]) -> tuple[str, ...]:
    asked = {word for assertion in assertions for word in _asks(assertion)}
    return tuple(fact for fact in EDGE_FACTS if fact in asked)


def _asks(assertion: str) -> tuple[str, ...]:
    if assertion == "end or last line break":
        return ("end", "last line break")
    return ("boundary",) if assertion == "no boundary" else (assertion,)


def _allows(edge: Edge, assertion: str) -> bool:
    holds = any(fact in edge for fact in _asks(assertion))
    return not holds if assertion == "no boundary" else holds


def _edges(facts: Sequence[str]) -> list[Edge]:
    choices = product((False, True), repeat=len(facts))
    return [frozenset(f for f, holds in zip(facts, c, strict=True) if holds) for c in choices]


class _Builder:
    """Makes the tables, state by state.

    Attributes:
        accepts, following: a row of the tables per state.
    """

    def __init__(self, holds: dict[tuple[str, int], np.ndarray], edges: list[Edge]) -> None:
        self._holds = holds
        self._classes = len(next(iter(holds.values())))
        self._edges = edges
        self.accepts: list[np.ndarray] = []
        self.following: list[np.ndarray] = []

    def add(self, program: PatternProgram) -> int:
        """Adds the states of a program; returns the first."""
        numbers: dict[tuple[Thread, ...], int] = {}
        waiting: list[tuple[Thread, ...]] = []

        def number(threads: tuple[Thread, ...]) -> int:
            if threads not in numbers:
                numbers[threads] = len(self.following)
                self.following.append(np.full((len(self._edges), self._classes), DEAD, np.int32))
                self.accepts.append(np.zeros(len(self._edges), bool))
                waiting.append(threads)
                states = len(self.following)
                cells = states * len(self._edges) * self._classes
                if states > MAX_STATES or cells > MAX_CELLS:
                    raise NotInGraph("its automaton is too large")
            return numbers[threads]

        first = number((program.start,))
        while waiting:
            threads = waiting.pop()
            state = numbers[threads]
            for index, edge in enumerate(self._edges):
                takers, accepts = _closure(program, threads, edge)
                self.accepts[state][index] = accepts
                for members, taken in self._ways(program, takers):
                    self.following[state][index, members] = number(taken)
        return first

    def _ways(
        self, program: PatternProgram, takers: list[Thread]
    ) -> Iterator[tuple[np.ndarray, tuple[Thread, ...]]]:
        """Which classes of characters lead to which threads."""
        if not takers:
            return
        steps = [program.instructions[taker] for taker in takers]
        taken = np.stack([self._holds[step.characters] for step in steps])
        columns, way = np.unique(taken, axis=1, return_inverse=True)
        for index, column in enumerate(columns.T):
            threads = [s.following[0] for s, takes in zip(steps, column, strict=True) if takes]
            if threads:
                yield way.ravel() == index, tuple(dict.fromkeys(threads))


def _closure(
    program: PatternProgram, threads: Iterable[Thread], edge: Edge
) -> tuple[list[Thread], bool]:
    """The instructions that wait for a character, best first, and whether a match ends here."""
    seen: set[Thread] = set()
    takers: list[Thread] = []
    stack = list(reversed(list(threads)))
    while stack:
        thread = stack.pop()
        if thread in seen:
            continue
        seen.add(thread)
        step = program.instructions[thread]
        if step.kind == "match":
            return takers, True
        if step.kind == "character":
            takers.append(thread)
        elif step.kind == "choice" or _allows(edge, step.assertion):
            stack += reversed(step.following)
    return takers, False

"""A regular expression as a program of few instructions, in the order in which `re` tries them."""

from __future__ import annotations

import re
import sys
import warnings
from dataclasses import dataclass, field
from typing import Any

from data_pipeline.text_graph.strings.not_in_graph import NotInGraph

if sys.version_info >= (3, 11):
    from re import _constants as ops
    from re import _parser as parser
else:
    import sre_constants as ops
    import sre_parse as parser

MAX_INSTRUCTIONS = 2000
CLASS_ESCAPES = {
    ops.CATEGORY_DIGIT: r"\d",
    ops.CATEGORY_NOT_DIGIT: r"\D",
    ops.CATEGORY_SPACE: r"\s",
    ops.CATEGORY_NOT_SPACE: r"\S",
    ops.CATEGORY_WORD: r"\w",
    ops.CATEGORY_NOT_WORD: r"\W",
}
ASSERTIONS = {
    ops.AT_BOUNDARY: "boundary",
    ops.AT_NON_BOUNDARY: "no boundary",
    ops.AT_BEGINNING: "start",
    ops.AT_BEGINNING_STRING: "start",
    ops.AT_END: "end or last line break",
    ops.AT_END_STRING: "end",
}
REFUSED = {
    ops.ASSERT: "it looks ahead or behind, by (?=...) or (?<=...)",
    ops.ASSERT_NOT: "it looks ahead or behind, by (?!...) or (?<!...)",
    ops.GROUPREF: "it refers back to a group",
    ops.GROUPREF_EXISTS: "it refers back to a group",
}


@dataclass(frozen=True)
class Instruction:
    """One step. `kind` says which of the others count.

    Attributes:
        kind: "character": take one of `characters`; "assertion": go on only if `assertion` holds;
            "choice": try each of `following` in order; "match": done.
        characters: a regular expression of one character, with its flags.
        assertion: a value of `ASSERTIONS`.
        following: the instructions to go on with.
    """

    kind: str
    characters: tuple[str, int] = ("", 0)
    assertion: str = ""
    following: tuple[int, ...] = ()


@dataclass
class PatternProgram:
    r"""The instructions, of which `start` is the first.

    Mirrors what `re` does with every pattern but those that

    * look ahead or behind, refer to groups, or have atomic groups or possessive repeats;
    * change the meaning of `\w`, `^` or `$` by the flags a, L or m, or take a flag back by (?-i:);
    * can match the empty text, or repeat something that can;
    * come to more than `MAX_INSTRUCTIONS` when their counted repeats are written out.

    >>> [step.kind for step in PatternProgram.of("ab*").instructions]
    ['match', 'choice', 'character', 'character']
    """

    start: int = 0
    instructions: list[Instruction] = field(default_factory=list)

    @classmethod
    def of(cls, pattern: str, flags: int = 0) -> PatternProgram:
        """Reads a pattern that `re` takes.

        Raises:
            NotInGraph: it is one of the others; the text completes "it is refused because ...".
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the pattern; `re.compile` has said so before
            parsed = parser.parse(pattern, flags)
        if parsed.getwidth()[0] == 0:
            raise NotInGraph("it can match the empty text")
        flags = _checked_flags(parsed.state.flags)
        program = cls()
        program.start = program._sequence(parsed, flags, program._add(Instruction("match")))
        return program

    # Instructions are added from the end of the pattern, since each has to know what follows it.

    def _add(self, instruction: Instruction) -> int:
        if len(self.instructions) >= MAX_INSTRUCTIONS:
            raise NotInGraph("it is too long when its repeats are written out")
        self.instructions.append(instruction)
        return len(self.instructions) - 1

    def _sequence(self, parsed: Any, flags: int, following: int) -> int:
        for op, argument in reversed(list(parsed)):
            following = self._one(op, argument, flags, following)
        return following

    def _one(self, op: Any, argument: Any, flags: int, following: int) -> int:
        if op in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN):
            characters = (_characters(op, argument), flags)
            return self._add(Instruction("character", characters, following=(following,)))
        if op is ops.AT:
            assertion = ASSERTIONS[argument]
            return self._add(Instruction("assertion", assertion=assertion, following=(following,)))
        if op is ops.BRANCH:
            branches = [self._sequence(branch, flags, following) for branch in argument[1]]
            return self._add(Instruction("choice", following=tuple(branches)))
        if op is ops.SUBPATTERN:
            _, added, removed, parsed = argument
            if removed:
                raise NotInGraph("it takes a flag back")
            return self._sequence(parsed, _checked_flags(flags | added), following)
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            return self._repeat(argument, op is ops.MAX_REPEAT, flags, following)
        raise NotInGraph(
            REFUSED.get(op, f"it has a part of the kind {str(op).lower().replace('_', ' ')}")
        )

    def _repeat(self, argument: Any, greedy: bool, flags: int, following: int) -> int:
        least, most, body = argument
        if most != 1 and body.getwidth()[0] == 0:
            raise NotInGraph("it repeats something that can be empty")

        def choice(again: int) -> int:
            order = (again, following) if greedy else (following, again)
            return self._add(Instruction("choice", following=order))

        if most == ops.MAXREPEAT:
            loop = self._add(Instruction("choice"))
            again = self._sequence(body, flags, loop)
            order = (again, following) if greedy else (following, again)
            self.instructions[loop] = Instruction("choice", following=order)
            last = loop
        else:
            last = following
            for _ in range(most - least):
                last = choice(self._sequence(body, flags, last))
        for _ in range(least):
            last = self._sequence(body, flags, last)
        return last


def _checked_flags(flags: int) -> int:
    if flags & (re.ASCII | re.LOCALE | re.MULTILINE):
        raise NotInGraph("its flags, of a, L and m, change what signs mean")
    return flags & (re.IGNORECASE | re.DOTALL)


def _characters(op: Any, argument: Any) -> str:
    """A pattern of one character that means the same as this part of a parsed one."""
    if op is ops.ANY:
        return "."
    if op is ops.LITERAL:
        return _escaped(argument)
    if op is ops.NOT_LITERAL:
        return f"[^{_escaped(argument)}]"
    parts = []
    for kind, value in argument:
        if kind is ops.NEGATE:
            parts.append("^")
        elif kind is ops.LITERAL:
            parts.append(_escaped(value))
        elif kind is ops.RANGE:
            parts.append("-".join(map(_escaped, value)))
        else:
            parts.append(CLASS_ESCAPES[value])
    return f"[{''.join(parts)}]"


def _escaped(code: int) -> str:
    return f"\\U{code:08x}"

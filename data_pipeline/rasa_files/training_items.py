"""What one training message is: the frozen records that readers make and all else consumes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Entity:
    """An annotated span: `text[start:end]` in characters of the plain text, half open."""

    start: int
    end: int
    entity: str
    value: str
    role: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One NLU example. `intent` is the base intent; `response_key` is the full `faq/ask_hours`.

    `source` says where it was read (`file:line`); it is for messages to people and is not compared.
    """

    text: str
    intent: str | None = None
    entities: tuple[Entity, ...] = ()
    response_key: str | None = None
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Synonym:
    """`example` is another way of writing `canonical`."""

    example: str
    canonical: str


@dataclass(frozen=True, slots=True)
class RegexPattern:
    """One pattern of a `regex:` section; several patterns may share a name."""

    name: str
    pattern: str
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class LookupTable:
    """The elements of one `lookup:` section, in file order."""

    name: str
    elements: tuple[str, ...]


class TokenType(NamedTuple):
    """What tokens that look alike have in common."""

    text: str
    lemma: str


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text; `text` was found at `[start, end)` characters of it.

    Attributes:
        lemma: the base form, such as "be" of "are"; None = the text itself.
        tag: the part of speech; None = the tokenizer does not tell.
    """

    text: str
    start: int
    end: int
    lemma: str | None = None
    tag: str | None = None

    @property
    def type(self) -> TokenType:
        """The text and the lemma."""
        return TokenType(self.text, self.lemma or self.text)


TrainingItem = Message | Synonym | RegexPattern | LookupTable

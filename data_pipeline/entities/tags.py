"""Entity annotations as one tag id per token: which tags there are, and encoding them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from data_pipeline.entities.bilou import OUTSIDE, PREFIXES, Span, bilou_tags, without_prefix
from data_pipeline.featurizers.featurizer import TokenizedMessage
from data_pipeline.rasa_files.training_items import Entity, Token

HEADS = ("entity", "role", "group")

TagStatistics = dict[str, frozenset[str]]
"""head -> the distinct tags of a chunk of messages."""


@dataclass(frozen=True)
class TagVocabulary:
    """The tags of every head that occurs in the training data.

    Id 0 is `O`. With BILOU the k-th name (from 0) has the ids 4k+1 to 4k+4 for `B-`, `I-`, `L-`,
    `U-`; plain names count from 1. Mirrors `bilou_utils.build_tag_id_dict` and
    `DIETClassifier._tag_id_index_mapping_for`.

        >>> TagVocabulary({"entity": ("city",)}, bilou=True).tags["entity"]
        ('O', 'B-city', 'I-city', 'L-city', 'U-city')

    Attributes:
        names: head -> sorted names, in the order entity, role, group; without heads that have none.
        bilou: Rasa's `BILOU_flag`.
    """

    names: Mapping[str, tuple[str, ...]]
    bilou: bool = True

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads there are; none if the data has no entities."""
        return tuple(self.names)

    @cached_property
    def tags(self) -> dict[str, tuple[str, ...]]:
        """Head -> tags in id order."""
        prefixes = PREFIXES if self.bilou else ("",)
        return {
            head: (OUTSIDE, *(prefix + name for name in names for prefix in prefixes))
            for head, names in self.names.items()
        }

    @cached_property
    def num_tags(self) -> dict[str, int]:
        """Head -> number of tag ids."""
        return {head: len(tags) for head, tags in self.tags.items()}

    @cached_property
    def _ids(self) -> dict[str, dict[str, int]]:
        return {head: {t: i for i, t in enumerate(tags)} for head, tags in self.tags.items()}

    def encode(self, message: TokenizedMessage) -> dict[str, list[int]]:
        """Head -> one tag id per token; tags that are not in the vocabulary become 0."""
        if not message.message.entities:
            return {head: [0] * len(message.tokens) for head in self.names}
        return {
            head: [ids.get(tag, 0) for tag in token_tags(message, head, self.bilou)]
            for head, ids in self._ids.items()
        }

    def state(self) -> dict[str, Any]:
        """JSON-able."""
        return {"bilou": self.bilou, "names": {h: list(names) for h, names in self.names.items()}}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> TagVocabulary:
        """The vocabulary that `state` described, whatever the order of its keys."""
        names = state["names"]
        ordered = {head: tuple(names[head]) for head in HEADS if head in names}
        return cls(ordered, state["bilou"])


def observe_tags(messages: Iterable[TokenizedMessage], bilou: bool) -> TagStatistics:
    """The tags of a chunk.

    With BILOU those that come out of encoding, so that a type whose annotations never line up with
    tokens has no tag; else those of the annotations.
    """
    found: dict[str, set[str]] = {head: set() for head in HEADS}
    for message in messages:
        if message.message.entities:
            for head in HEADS:
                if bilou:
                    tags = token_tags(message, head, bilou)
                    found[head].update(without_prefix(tag) for tag in tags)
                else:
                    found[head].update(tag for _, _, tag in _spans(message, head))
    return {head: frozenset(tags - {OUTSIDE}) for head, tags in found.items()}


def fit_tags(statistics: Iterable[TagStatistics], bilou: bool) -> TagVocabulary:
    """The vocabulary of all chunks; their order does not matter."""
    merged: dict[str, set[str]] = {head: set() for head in HEADS}
    for chunk in statistics:
        for head, tags in chunk.items():
            merged[head] |= tags
    names = {head: tuple(sorted(merged[head])) for head in HEADS if merged[head]}
    return TagVocabulary(names, bilou)


def token_tags(message: TokenizedMessage, head: str, bilou: bool) -> list[str]:
    """One tag per token for one head; entities without that attribute are left out.

    BILOU mirrors `bilou_utils.apply_bilou_schema_to_message`, plain tags
    `rasa.nlu.test.determine_token_labels`: each token takes the entity that covers most of it.
    """
    if bilou:
        return bilou_tags(message.tokens, _spans(message, head))
    entities = message.message.entities
    return [_plain_tag(token, entities, head) for token in message.tokens]


def misaligned(message: TokenizedMessage) -> list[Entity]:
    """The entities that do not begin and end with a token.

    BILOU tags cannot express them: they are not learnt. Plain tags can, with widened borders.
    """
    if not message.message.entities:
        return []
    starts = {token.start for token in message.tokens}
    ends = {token.end for token in message.tokens}
    return [e for e in message.message.entities if e.start not in starts or e.end not in ends]


def _spans(message: TokenizedMessage, head: str) -> list[Span]:
    spans = [(e.start, e.end, getattr(e, head)) for e in message.message.entities]
    return [span for span in spans if span[2] and span[2] != OUTSIDE]


def _plain_tag(token: Token, entities: Sequence[Entity], head: str) -> str:
    def shared(entity: Entity) -> int:
        return min(token.end, entity.end) - max(token.start, entity.start)

    best = max(entities, key=shared, default=None)
    if best is None or shared(best) <= 0:
        return OUTSIDE
    return getattr(best, head) or OUTSIDE

"""Predicted tags back to entities, in the form that Rasa's answers have."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data_pipeline.entities.bilou import (
    INSIDE,
    LAST,
    OUTSIDE,
    UNIT,
    make_bilou_consistent,
    prefix_of,
    without_prefix,
)
from data_pipeline.entities.tags import TagVocabulary
from data_pipeline.rasa_files.training_items import Message, Token

logger = logging.getLogger(__name__)

SPLIT_BY_DEFAULT = True
ALWAYS_JOINED_GAP = 1
JOINED_GAP = 3
"""Characters between tokens of one entity. 3 is for `Rd., EH7`."""


def decode_entities(
    text: str,
    tokens: Sequence[Token],
    tag_ids: Mapping[str, Sequence[int] | np.ndarray],
    confidences: Mapping[str, Sequence[float] | np.ndarray],
    vocabulary: TagVocabulary,
    *,
    extractor: str,
    split_by_comma: bool | Mapping[str, bool] = SPLIT_BY_DEFAULT,
) -> list[dict[str, Any]]:
    """The entities of one message from the ids and confidences that the model gave its tokens.

    Mirrors `rasa.utils.train_utils.entity_label_to_tags` and `DIETClassifier._predict_entities`. A
    head that says `O` everywhere is left out.

    Args:
        extractor: the component that finds them, as answers name it.
    """
    tags: dict[str, list[str]] = {}
    scores: dict[str, list[float]] = {}
    for head, names in vocabulary.tags.items():
        ids = [int(tag_id) for tag_id in tag_ids[head]]
        if any(ids):
            tags[head] = [names[tag_id] for tag_id in ids]
            scores[head] = [float(confidence) for confidence in confidences[head]]
            if vocabulary.bilou:
                tags[head], scores[head] = make_bilou_consistent(tags[head], scores[head])
    entities = tags_to_entities(text, tokens, tags, scores, split_by_comma=split_by_comma)
    return [{**entity, "extractor": extractor} for entity in entities]


def tags_to_entities(
    text: str,
    tokens: Sequence[Token],
    tags: Mapping[str, Sequence[str]],
    confidences: Mapping[str, Sequence[float]] | None = None,
    *,
    split_by_comma: bool | Mapping[str, bool] = SPLIT_BY_DEFAULT,
) -> list[dict[str, Any]]:
    """Joins tagged tokens to entities.

    Mirrors `EntityExtractorMixin.convert_predictions_into_entities`, with two remarks. Rasa means
    to join over gaps of up to 3 characters only if they are punctuation, but its test always holds
    (spec Q10: `a&&b` is one entity when splitting is off); kept, so that answers agree. It does not
    forget the last role and group at an `O` (Q11); that never shows, as the next tagged token
    begins an entity anyway.

    Args:
        text: the message text, of which values are slices.
        tokens: its tokens.
        tags: per head one tag per token, with or without BILOU prefixes; missing heads mean `O`.
        confidences: like `tags`; None leaves them out of the result.
        split_by_comma: whether a gap of 2 or 3 characters ends an entity; for all types or by type
            (`split_entities_by_comma`).
    """
    entities: list[dict[str, Any]] = []
    outside = [OUTSIDE] * len(tokens)
    roles = [without_prefix(tag) for tag in tags.get("role", outside)]
    groups = [without_prefix(tag) for tag in tags.get("group", outside)]
    previous = _Tag(OUTSIDE, OUTSIDE, OUTSIDE)
    previous_end = -1
    for index, token in enumerate(tokens):
        tag = _Tag(tags.get("entity", outside)[index], roles[index], groups[index])
        if tag.entity != OUTSIDE:
            gap = token.start - previous_end
            splits = splits_at_gaps(split_by_comma, without_prefix(tag.entity))
            if tag.begins_after(previous) or not _joins(gap, splits):
                entities.append(tag.new_entity(token, index, confidences))
            else:
                _extend(entities[-1], token, index, confidences)
        previous, previous_end = tag, token.end
    for entity in entities:
        entity["value"] = text[entity["start"] : entity["end"]]
    return entities


@dataclass(frozen=True, slots=True)
class _Tag:
    """What was predicted for one token."""

    entity: str
    role: str
    group: str

    def begins_after(self, previous: _Tag) -> bool:
        """Whether the tag starts a new entity, wherever the tokens stand."""
        if previous.entity == OUTSIDE:
            return True
        if (self.role, self.group) != (previous.role, previous.group):
            return True
        prefix = prefix_of(self.entity)
        if prefix == UNIT:
            return True
        return self.entity != previous.entity and prefix not in (INSIDE, LAST)

    def new_entity(
        self, token: Token, index: int, confidences: Mapping[str, Sequence[float]] | None
    ) -> dict[str, Any]:
        entity: dict[str, Any] = {
            "entity": without_prefix(self.entity),
            "start": token.start,
            "end": token.end,
        }
        if confidences is not None:
            entity["confidence_entity"] = confidences["entity"][index]
        for head, tag in (("role", self.role), ("group", self.group)):
            if tag != OUTSIDE:
                entity[head] = tag
                if confidences is not None:
                    entity[f"confidence_{head}"] = confidences[head][index]
        return entity


def _joins(gap: int, splits: bool) -> bool:
    return gap <= ALWAYS_JOINED_GAP or (gap <= JOINED_GAP and not splits)


def splits_at_gaps(split_by_comma: bool | Mapping[str, bool], entity_type: str) -> bool:
    """Mirrors `rasa.utils.train_utils.init_split_entities`: types not named are split."""
    if isinstance(split_by_comma, bool):
        return split_by_comma
    return split_by_comma.get(entity_type, SPLIT_BY_DEFAULT)


def _extend(
    entity: dict[str, Any],
    token: Token,
    index: int,
    confidences: Mapping[str, Sequence[float]] | None,
) -> None:
    entity["end"] = token.end
    if confidences is None:
        return
    for head in ("entity", "role", "group"):
        if head in entity:
            key = f"confidence_{head}"
            entity[key] = min(entity[key], confidences[head][index])


@dataclass
class SynonymStatistics:
    """What a chunk of messages says about values: lower-cased writing -> value."""

    synonyms: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def add(self, text: str, value: str) -> None:
        """Take in an annotated text and its value: the last synonym counts, the first writing."""
        if text != value:
            self.synonyms[text.lower()] = value
        self.values.setdefault(value.lower(), value)

    def merge(self, later: SynonymStatistics) -> None:
        """Take in what the messages after these say."""
        self.synonyms.update(later.synonyms)
        for written, value in later.values.items():
            self.values.setdefault(written, value)


class SynonymMapper:
    """Replaces entity values by what they are a synonym of, whatever their case.

    Mirrors `rasa.nlu.extractors.entity_synonyms.EntitySynonymMapper`: the last definition of a
    synonym wins, and a canonical value also stands for its own writings in other case.
    """

    name = "EntitySynonymMapper"

    def __init__(self, synonyms: Mapping[str, str] | None = None) -> None:
        """Takes the map as `fit` made it: lower-cased keys."""
        self.synonyms = dict(synonyms or {})

    @staticmethod
    def observe(messages: Iterable[Message]) -> SynonymStatistics:
        """The annotated values of a chunk of messages."""
        seen = SynonymStatistics()
        for message in messages:
            for entity in message.entities:
                seen.add(message.text[entity.start : entity.end], entity.value)
        return seen

    @classmethod
    def fit(
        cls,
        synonyms: Mapping[str, str],
        statistics: Iterable[SynonymStatistics] = (),
        earlier: SynonymMapper | None = None,
    ) -> SynonymMapper:
        """The mapper for the training data's synonyms and what messages say, in their order.

        What `earlier` maps stays so, unless it is defined anew.
        """
        total = SynonymStatistics()
        for text, value in synonyms.items():
            total.add(text, value)
        for messages in statistics:
            total.merge(messages)
        known = earlier.synonyms if earlier else {}
        return cls({**total.values, **known, **total.synonyms})

    def replace(self, entities: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The entities with canonical values; those replaced name this mapper as processor."""
        replaced = []
        for entity in entities:
            value = self.synonyms.get(str(entity["value"]).lower())
            if value is None:
                replaced.append(dict(entity))
            else:
                processors = [*entity.get("processors", ()), self.name]
                replaced.append({**entity, "value": value, "processors": processors})
        return replaced

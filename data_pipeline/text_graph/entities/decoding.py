"""Tags to entities in the graph: `decode_entities` and the synonyms, for all texts at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from data_pipeline.entities.bilou import INSIDE, LAST, UNIT, prefix_of, without_prefix
from data_pipeline.entities.decoding import ALWAYS_JOINED_GAP, JOINED_GAP, splits_at_gaps
from data_pipeline.entities.tags import TagVocabulary
from data_pipeline.text_graph.entities.bilou import Tags, consistent
from data_pipeline.text_graph.padding import padded
from data_pipeline.text_graph.strings.lines import Lines
from data_pipeline.text_graph.strings.rewriting import LowerCase
from data_pipeline.text_graph.strings.trie import UNKNOWN, StringNumbers
from data_pipeline.text_graph.tokens import Tokens

PLAIN, STARTS_NEW, CONTINUES = range(3)
"""What a tag's prefix says about an entity before it: nothing, that it ended, that it goes on."""


class Head:
    """What the tags of one head mean.

    Attributes:
        names: what the tags say without prefixes; the first is that of `O`, "".
        name_of: `[tags]` int32, the name of every tag.
        prefix_of: `[tags]` int32, `PLAIN`, `STARTS_NEW` or `CONTINUES`.
    """

    def __init__(self, tags: tuple[str, ...]) -> None:
        plain = ["", *(without_prefix(tag) for tag in tags[1:])]
        self.names = list(dict.fromkeys(plain))
        self.name_of = tf.constant([self.names.index(name) for name in plain], tf.int32)
        kinds = {UNIT: STARTS_NEW, INSIDE: CONTINUES, LAST: CONTINUES}
        prefixes = [PLAIN, *(kinds.get(prefix_of(tag) or "", PLAIN) for tag in tags[1:])]
        self.prefix_of = tf.constant(prefixes, tf.int32)


class _Found(NamedTuple):
    """Entities, text by text.

    Attributes:
        first: `[entities]` int64, the first token of each.
        of_token: `[tokens]` int32, the entity of each token, -1 = none.
    """

    first: tf.Tensor
    of_token: tf.Tensor


class DecodeEntities(tf.Module):
    """What `decode_entities` and then `SynonymMapper.replace` give.

    Args:
        vocabulary: the tags; of the heads it has, the model may predict only some.
        lower: in which synonyms are looked up.
        split_by_comma: Rasa's `split_entities_by_comma`.
        synonyms: lower-cased writing -> value; empty = none are mapped.

    Call: `Tokens`; by head, `[tokens]` int32 and float32 -> tensors by name, whose entities are
    padded to the text that has most:

    * `entity_counts` `[texts]` int32: how many entities each text has;
    * `entity_starts`, `entity_ends` `[texts, entities]` int32: in characters, the end exclusive;
    * `entity_types`, `entity_values`, `entity_roles`, `entity_groups` `[texts, entities]` string;
      no role or group is "";
    * `entity_confidences`, `entity_role_confidences`, `entity_group_confidences`
      `[texts, entities]` float32;
    * `entity_is_synonym` `[texts, entities]` bool: whether the value is another than the text.
    """

    def __init__(
        self,
        vocabulary: TagVocabulary,
        lower: LowerCase,
        *,
        split_by_comma: bool | Mapping[str, bool],
        synonyms: Mapping[str, str],
    ) -> None:
        super().__init__()
        self._bilou = vocabulary.bilou
        self._num_names = {head: len(names) for head, names in vocabulary.names.items()}
        self._heads = {head: Head(tags) for head, tags in vocabulary.tags.items()}
        types = self._heads["entity"].names
        splits = [splits_at_gaps(split_by_comma, name) for name in types]
        self._splits = tf.constant(splits, tf.bool)
        self._lower = lower
        self._synonyms = StringNumbers({text: n for n, text in enumerate(synonyms)})
        self._values = tf.constant([*synonyms.values(), ""], tf.string)

    def __call__(
        self, tokens: Tokens, tag_ids: Mapping[str, tf.Tensor], confidences: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        rows = tokens.spans.rows
        tags = {}
        for head in tag_ids:
            tags[head] = Tags(tag_ids[head], tf.cast(confidences[head], tf.float64))
            if self._bilou:
                tags[head] = consistent(tags[head], rows, self._num_names[head])
        names = {head: tf.gather(self._heads[head].name_of, tags[head].ids) for head in tags}
        found = _found(self._begins(tokens, tags, names), tags["entity"].ids)
        flat = {**self._places(tokens, found), **self._named(tags, names, found)}
        counts, table = padded(flat, tf.gather(rows, found.first), tokens.texts.count)
        return {"entity_counts": counts, **table}

    def _begins(
        self, tokens: Tokens, tags: Mapping[str, Tags], names: Mapping[str, tf.Tensor]
    ) -> tf.Tensor:
        """`[tokens]` bool: whether an entity begins (`_Tag.begins_after`, `_joins`)."""
        rows, spans = tokens.spans.rows, tokens.spans
        is_first = tf.equal(tf.range(tf.size(rows)), 0) | tf.not_equal(rows, tf.roll(rows, 1, 0))
        ids = tags["entity"].ids
        prefix = tf.gather(self._heads["entity"].prefix_of, ids)
        previous = tf.where(is_first, 0, tf.roll(ids, 1, 0))
        begins = tf.equal(previous, 0) | tf.equal(prefix, STARTS_NEW)
        begins |= tf.not_equal(ids, previous) & tf.not_equal(prefix, CONTINUES)
        for head in names.keys() - {"entity"}:
            begins |= tf.not_equal(names[head], tf.roll(names[head], 1, 0))
        gap = spans.starts - tf.roll(spans.ends, 1, 0)
        splits = tf.gather(self._splits, names["entity"])
        joins = (gap <= ALWAYS_JOINED_GAP) | ((gap <= JOINED_GAP) & ~splits)
        return (ids > 0) & (begins | ~joins)

    def _places(self, tokens: Tokens, found: _Found) -> dict[str, tf.Tensor]:
        """Where the entities are, and what they say."""
        starts, ends = tokens.offsets()
        count = tf.size(found.first, tf.int32)
        last_end = tf.math.unsorted_segment_max(tokens.spans.ends, found.of_token, count)
        length = last_end - tf.gather(tokens.spans.starts, found.first)
        start = tf.gather(starts, found.first)
        texts = Lines.at(tf.gather(tokens.spans.starts, found.first), last_end, tokens.texts)
        synonym = self._synonyms(self._lower(texts))
        is_synonym = tf.not_equal(synonym, UNKNOWN)
        value = tf.gather(self._values, tf.where(is_synonym, synonym, 0))
        return {
            "entity_starts": tf.cast(start, tf.int32),
            "entity_ends": tf.cast(start + length, tf.int32),
            "entity_values": tf.where(is_synonym, value, texts.strings()),
            "entity_is_synonym": is_synonym,
        }

    def _named(
        self, tags: Mapping[str, Tags], names: Mapping[str, tf.Tensor], found: _Found
    ) -> dict[str, tf.Tensor]:
        """Type, role and group, and how sure they are: as sure as of the least sure token."""
        count = tf.size(found.first, tf.int32)
        flat = {}
        for head, plural in (("entity", "types"), ("role", "roles"), ("group", "groups")):
            prefix = "entity" if head == "entity" else f"entity_{head}"
            if head not in tags:
                flat[f"entity_{plural}"] = tf.fill([count], "")
                flat[f"{prefix}_confidences"] = tf.zeros([count], tf.float32)
                continue
            name = tf.gather(names[head], found.first)
            sure = tf.math.unsorted_segment_min(tags[head].confidences, found.of_token, count)
            sure = tf.where(name > 0, tf.cast(sure, tf.float32), 0.0)
            flat[f"entity_{plural}"] = tf.gather(tf.constant(self._heads[head].names), name)
            flat[f"{prefix}_confidences"] = sure
        return flat


def _found(begins: tf.Tensor, ids: tf.Tensor) -> _Found:
    number = tf.cumsum(tf.cast(begins, tf.int32)) - 1
    return _Found(tf.reshape(tf.where(begins), [-1]), tf.where(ids > 0, number, -1))

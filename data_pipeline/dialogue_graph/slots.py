"""Slot values in the graph: what the model sees of them (`Slot.features`)."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from data_pipeline.dialogue.domain.domain import Domain
from data_pipeline.dialogue.domain.slots import OTHER_VALUE, Slot
from data_pipeline.text_graph.strings.lines import Lines
from data_pipeline.text_graph.strings.rewriting import LowerCase
from data_pipeline.text_graph.strings.trie import UNKNOWN, StringNumbers

TEXT, LIST, BOOL, FLOAT, CATEGORICAL = KINDS = ("text", "list", "bool", "float", "categorical")
NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
EMPTY_LIST = r"\[\s*\]"
BETWEEN = "\n"
"""Stands between a slot's name and a value of it."""


class SlotFeatures(tf.Module):
    """What the slots that have a value look like.

    Call: `[n]` string, names of slots, and `[n]` string, their values: JSON, but strings as they
    are (`true`, `2.5`, `["a"]`, `Rome`); "" and `null` are no value -> `[n, 2]` int64, two columns
    each, and `[n, 2]` float32, what stands there: zeros where there is nothing. Slots that are not
    in the domain, or do not influence the conversation, are nothing.
    """

    def __init__(self, domain: Domain, lower: LowerCase) -> None:
        super().__init__()
        self._lower = lower
        slots = [slot for slot in domain.slots.values() if slot.width]
        self._slots = StringNumbers({slot.name: number for number, slot in enumerate(slots)})
        self._kinds = _column([KINDS.index(slot.type) for slot in slots], tf.int32)
        self._starts = _column([domain.slot_columns[slot.name] for slot in slots], tf.int64)
        self._minima = _column([slot.minimum for slot in slots], tf.float64)
        self._maxima = _column([slot.maximum for slot in slots], tf.float64)
        self._others = _column(map(_place_of_others, slots), tf.int64)
        self._words = StringNumbers(
            {
                f"{slot.name}{BETWEEN}{word}": slot.values.index(word)
                for slot in slots
                for word in slot.values
            }
        )

    def __call__(self, names: tf.Tensor, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        slots = self._slots.of_strings(names)
        is_set = tf.not_equal(slots, UNKNOWN) & tf.not_equal(texts, "")
        is_set &= tf.not_equal(texts, "null")
        slot = tf.maximum(slots, 0)
        kind = tf.where(is_set, tf.gather(self._kinds, slot), UNKNOWN)
        number, is_number = _numbers(texts)
        is_empty = tf.strings.regex_full_match(texts, EMPTY_LIST) | (
            is_number & tf.equal(number, 0)
        )
        is_seen = {
            TEXT: is_set,
            LIST: ~is_empty,
            BOOL: is_number,
            FLOAT: is_number,
            CATEGORICAL: is_set,
        }
        of_kind = {name: tf.equal(kind, index) for index, name in enumerate(KINDS)}
        seen = tf.reduce_any([of_kind[name] & is_seen[name] for name in KINDS], 0)
        first = tf.gather(self._starts, slot)
        first += tf.where(of_kind[CATEGORICAL], self._places(names, texts, slot), 0)
        second = tf.where(of_kind[BOOL], tf.cast(tf.equal(number, 1), tf.float64), 0.0)
        second = tf.where(of_kind[FLOAT], self._within(number, slot), second)
        values = tf.stack([tf.ones_like(second), second], 1)
        values = tf.where(seen[:, None], tf.cast(values, tf.float32), 0.0)
        return tf.stack([first, first + 1], 1), values

    def _places(self, names: tf.Tensor, texts: tf.Tensor, slot: tf.Tensor) -> tf.Tensor:
        """`[n]` int64: which of a categorical slot's values it is, or the place of all others."""
        words = self._lower(Lines.decoded(texts)).strings()
        place = self._words.of_strings(tf.strings.join([names, words], BETWEEN))
        return tf.where(tf.equal(place, UNKNOWN), tf.gather(self._others, slot), place)

    def _within(self, number: tf.Tensor, slot: tf.Tensor) -> tf.Tensor:
        """`[n]` float64: where the number lies between the slot's limits, from 0 to 1."""
        least, most = tf.gather(self._minima, slot), tf.gather(self._maxima, slot)
        return (tf.maximum(least, tf.minimum(most, number)) - least) / (most - least)


def _numbers(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """`[n]` float64 and bool: the numbers that texts are (`true` is 1, `false` 0), if they are."""
    stripped = tf.strings.strip(texts)
    word = tf.strings.lower(stripped)
    truth, falsehood = tf.equal(word, "true"), tf.equal(word, "false")
    is_number = tf.strings.regex_full_match(stripped, NUMBER)
    number = tf.strings.to_number(tf.where(is_number, stripped, "0"), tf.float64)
    return tf.where(truth, tf.ones_like(number), number), is_number | truth | falsehood


def _place_of_others(slot: Slot) -> int:
    return slot.values.index(OTHER_VALUE) if slot.type == CATEGORICAL else 0


def _column(numbers: Any, dtype: tf.DType) -> tf.Tensor:
    """A number per slot, and one more, so that a look-up finds something if there is no slot."""
    return tf.constant([*numbers, 0], dtype)

"""Lookup tables in the graph: word lists, matched without regular expressions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import tensorflow as tf

from data_pipeline.featurizers.lookup_matcher import folded_character
from data_pipeline.rasa_files.training_items import LookupTable
from data_pipeline.text_graph.patterns.spans import Spans, without_overlaps
from data_pipeline.text_graph.strings.characters import (
    CODE_POINTS,
    CharacterTable,
    Kind,
    Kinds,
    all_characters,
    is_kind,
    kinds_of_characters,
)
from data_pipeline.text_graph.strings.lines import END, Lines, true_places
from data_pipeline.text_graph.strings.trie import UNKNOWN, StringNumbers, Trie

NO_RANK = np.iinfo(np.int64).max
NO_WORD, WORD, ALONE = range(3)
"""How characters form segments: with others of their kind, or always alone."""


class LookupTables(tf.Module):
    r"""Finds the elements of tables in texts, as `LookupMatcher` does.

    Texts and elements are cut into segments wherever `\b` may hold, and an element is a sequence
    of segments: so a table's size hardly matters. Without word boundaries every character is a
    segment.

    Call: texts as `Lines` -> the `Spans` of the matches of each table.
    """

    def __init__(
        self,
        tables: Sequence[LookupTable],
        kinds: Kinds,
        *,
        case_sensitive: bool,
        word_boundaries: bool,
    ) -> None:
        super().__init__()
        self._kinds = kinds
        self._word_boundaries = word_boundaries
        folded = np.arange(CODE_POINTS) if case_sensitive else folded_codes()
        self._fold_by = CharacterTable(folded - np.arange(CODE_POINTS))
        segmenting = np.full(CODE_POINTS, ALONE)
        if word_boundaries:
            segmenting = _segmenting(folded)
        self._segmenting = CharacterTable(segmenting)
        numbers: dict[str, int] = {}
        self._tries = []
        for table in tables:
            ranks: dict[tuple[int, ...], int] = {}
            for element in filter(None, table.elements):
                segments = _segments("".join(chr(folded[ord(c)]) for c in element), segmenting)
                sequence = tuple(numbers.setdefault(s, len(numbers)) for s in segments)
                ranks.setdefault(sequence, len(ranks))
            self._tries.append(Trie(ranks))
        self._numbers = StringNumbers(numbers)

    def __call__(self, texts: Lines) -> Spans:
        folded = texts._replace(codes=texts.codes + self._fold_by(texts.codes))
        kinds = self._segmenting(folded.codes)
        parted = tf.not_equal(kinds, tf.roll(kinds, 1, 0)) | tf.equal(kinds, ALONE)
        starts = true_places(parted)
        ends = true_places(tf.roll(parted, -1, 0)) + 1
        # Of `END`, which is a segment too, an empty string is made; no element has that.
        is_end = tf.equal(tf.gather(texts.codes, starts), END)
        symbols = self._numbers(Lines.at(starts, tf.where(is_end, starts, ends), folded))
        begins, finishes = self._borders(texts)
        may_start, may_end = tf.gather(begins, starts), tf.gather(finishes, ends - 1)
        found = []
        for number, trie in enumerate(self._tries):
            if not trie.depth:
                continue
            lengths = _best_lengths(trie(symbols), may_end)
            matches = true_places(may_start & (lengths > 0))
            last = matches + tf.gather(lengths, matches) - 1
            pattern = tf.fill(tf.shape(matches), tf.constant(number, tf.int64))
            found.append(Spans(pattern, tf.gather(starts, matches), tf.gather(ends, last)))
        nothing = tf.zeros([0], tf.int64)
        found.append(Spans(nothing, nothing, nothing))
        spans = Spans(*(tf.concat([*parts], 0) for parts in zip(*found, strict=True)))
        return without_overlaps(spans, tf.size(texts.codes, tf.int64))

    def _borders(self, texts: Lines) -> tuple[tf.Tensor, tf.Tensor]:
        """`[slots]` bool each: whether a match may begin before it, whether end behind it."""
        word = is_kind(self._kinds(texts.codes), Kind.WORD)
        if not self._word_boundaries:
            return tf.ones_like(word), tf.ones_like(word)
        boundary = tf.math.logical_xor(word, tf.roll(word, 1, 0))
        return boundary, tf.roll(boundary, -1, 0)


def _best_lengths(ranks: tf.Tensor, may_end: tf.Tensor) -> tf.Tensor:
    """`[segments]` int64: how many segments the match of the lowest rank has; 0 = there is none.

    Args:
        ranks: `[depth, segments]` int64.
        may_end: `[segments]` bool, whether a match may end behind a segment.
    """
    depth = ranks.shape[0]
    may_end = tf.stack([tf.roll(may_end, -step, 0) for step in range(depth)])
    ranks = tf.where(may_end & tf.not_equal(ranks, UNKNOWN), ranks, NO_RANK)
    is_found = tf.reduce_min(ranks, 0) < NO_RANK
    return tf.where(is_found, tf.argmin(ranks, 0) + 1, 0)


@cache
def folded_codes() -> np.ndarray:
    """`[CODE_POINTS]` int32: every character without its case (`folded_character`)."""
    folded = map(ord, map(folded_character, all_characters()))
    return np.fromiter(folded, np.int32, CODE_POINTS)


def _segmenting(folded: np.ndarray) -> np.ndarray:
    r"""`[CODE_POINTS]` int32: `NO_WORD`, `WORD`, or `ALONE`.

    A folded character stands alone if some of those it stands for are of a word and others not (as
    the Greek iota, which U+0345 becomes): then `\b` may hold on either side of it.
    """
    word = (kinds_of_characters() & Kind.WORD) != 0
    of_word, of_none = (np.zeros(CODE_POINTS, bool) for _ in range(2))
    of_word[folded[word]] = True
    of_none[folded[~word]] = True
    segmenting = np.where(of_word & of_none, ALONE, np.where(of_word, WORD, NO_WORD))
    segmenting[END] = ALONE
    return segmenting


def _segments(text: str, segmenting: np.ndarray) -> list[str]:
    segments: list[str] = []
    previous = ALONE
    for character in text:
        kind = segmenting[ord(character)]
        if segments and kind == previous != ALONE:
            segments[-1] += character
        else:
            segments.append(character)
        previous = kind
    return segments

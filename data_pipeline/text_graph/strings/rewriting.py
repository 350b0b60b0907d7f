"""Changes to words as Python makes them: lower case, accents, numbers masked."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import tensorflow as tf

from data_pipeline.text_graph.strings.characters import (
    CODE_POINTS,
    SIGMA,
    CharacterTable,
    Kind,
    Kinds,
    all_characters,
    is_kind,
)
from data_pipeline.text_graph.strings.lines import Lines, nearest_after, nearest_before

FINAL_SIGMA = "ς"
SURROGATES = range(0xD800, 0xE000)


class CharacterMap(tf.Module):
    """Writes each character as none, one or several others.

    Args:
        writing: of a character; a function of a module, since the tables of the last are kept.

    Call: words as `Lines` -> the same words, rewritten.

    >>> double = CharacterMap(lambda c: c * 2 if c == "a" else c)
    >>> double(Lines.decoded(tf.constant(["ab"]))).strings().numpy().tolist()
    [b'aab']
    """

    def __init__(self, writing: Callable[[str], str]) -> None:
        super().__init__()
        changes, of_character, written = _tables(writing)
        self._shift, self._length, self._start = map(tf.constant, changes.T)
        self._change = CharacterTable(of_character)
        self._written = tf.constant(written, tf.int32)

    def __call__(self, words: Lines) -> Lines:
        change = self._change(words.codes)
        singles = words.codes + tf.gather(self._shift, change)
        starts, lengths = tf.gather(self._start, change), tf.gather(self._length, change)
        return _write(words, singles, starts, lengths, self._written)


@lru_cache(8)
def _tables(writing: Callable[[str], str]) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """What happens to characters: few things, and most to many of them.

    Returns:
        `[changes, 3]` int32: by how much a code grows, if it becomes one; how many it becomes; and,
        if these are not one, where they begin in the list that comes last, else -1.
        `[CODE_POINTS]` int32: the change of every code point.
    """
    changes = {(0, 1, -1): 0}
    of_character = np.zeros(CODE_POINTS, np.int32)
    written: list[int] = [0]
    for code, character in enumerate(all_characters()):
        if code in SURROGATES or (new := writing(character)) == character:
            continue
        if len(new) == 1:
            change = (ord(new) - code, 1, -1)
        else:
            change = (0, len(new), len(written))
            written += map(ord, new)
        of_character[code] = changes.setdefault(change, len(changes))
    return np.array(list(changes), np.int32), of_character, written


def _write(
    words: Lines, singles: tf.Tensor, starts: tf.Tensor, lengths: tf.Tensor, written: tf.Tensor
) -> Lines:
    """Puts `lengths` others in the place of each character.

    Args:
        words: with `n` slots.
        singles: `[n]` int32, what to put where `starts` is -1.
        starts: `[n]` int32, where in `written` the others begin.
        lengths: `[n]` int32.
        written: code points, int32.
    """
    places = tf.raw_ops.RaggedRange(starts=0, limits=lengths, deltas=1, Tsplits=tf.int32)
    splits, offset = places.rt_nested_splits, places.rt_dense_values
    begins = tf.scatter_nd(splits[1:-1, None], tf.ones_like(splits[1:-1]), tf.shape(offset))
    origin = tf.cumsum(begins)
    start = tf.gather(starts, origin)
    from_written = tf.gather(written, tf.maximum(start + offset, 0))
    return Lines.of(tf.where(start < 0, tf.gather(singles, origin), from_written), words.count)


class LowerCase(tf.Module):
    """Words in lower case, as `str.lower` writes them: also `Σ`, which depends on its place.

    Call: words as `Lines` -> the same words in lower case.
    """

    def __init__(self, kinds: Kinds) -> None:
        super().__init__()
        self._kinds = kinds
        self._map = CharacterMap(str.lower)

    def __call__(self, words: Lines) -> Lines:
        kinds = self._kinds(words.codes)
        stops = ~is_kind(kinds, Kind.CASE_IGNORABLE)
        cased = is_kind(kinds, Kind.CASED)
        ends_word = tf.gather(cased, nearest_before(stops))
        ends_word &= ~tf.gather(cased, nearest_after(stops))
        final = tf.equal(words.codes, ord(SIGMA)) & ends_word
        return self._map(words._replace(codes=tf.where(final, ord(FINAL_SIGMA), words.codes)))


class MaskNumbers(tf.Module):
    r"""Writes a mask for every `\b[0-9]+\b` of a word (`CountVectorsFeaturizer._process_tokens`).

    Call: words as `Lines` -> the same words, masked.
    """

    def __init__(self, kinds: Kinds, mask: str) -> None:
        super().__init__()
        self._kinds = kinds
        self._mask = tf.constant([*map(ord, mask)], tf.int32)

    def __call__(self, words: Lines) -> Lines:
        kinds = self._kinds(words.codes)
        decimal = is_kind(kinds, Kind.DECIMAL)
        word = is_kind(kinds, Kind.WORD)
        joined = tf.gather(word, nearest_before(~decimal)) | tf.gather(
            word, nearest_after(~decimal)
        )
        masked = decimal & ~joined
        first = masked & ~tf.roll(decimal, 1, 0)
        lengths = tf.where(masked, tf.where(first, tf.size(self._mask), 0), 1)
        starts = tf.where(masked, 0, -1)
        return _write(words, words.codes, starts, lengths, self._mask)

"""The WhitespaceTokenizer in the graph: where the words of texts begin and end."""

from __future__ import annotations

import re
from typing import NamedTuple

import tensorflow as tf

from data_pipeline.text_graph.patterns.pattern_matching import PatternMatching
from data_pipeline.text_graph.patterns.pattern_program import PatternProgram
from data_pipeline.text_graph.strings.characters import Kind, Kinds, is_kind
from data_pipeline.text_graph.strings.lines import (
    Lines,
    Runs,
    any_in,
    nearest_after,
    nearest_before,
    runs_of,
    true_places,
)
from data_pipeline.text_graph.strings.not_in_graph import NotInGraph
from data_pipeline.tokenizers.whitespace import NAME, WhitespaceTokenizer


class Tokens(NamedTuple):
    """The tokens of a batch of texts, one text's after the other's.

    Attributes:
        texts: the texts.
        spans: the tokens as runs of the texts' slots.
        words: a line per token.
    """

    texts: Lines
    spans: Runs
    words: Lines

    @classmethod
    def at(cls, spans: Runs, texts: Lines) -> Tokens:
        """The tokens that lie at these places."""
        return cls(texts, spans, Lines.at(spans.starts, spans.ends, texts))

    def counts(self) -> tf.Tensor:
        """`[texts]` int32: how many tokens each text has."""
        ones = tf.ones_like(self.spans.rows, tf.int32)
        return tf.math.unsorted_segment_sum(ones, self.spans.rows, self.texts.count)

    def offsets(self) -> tuple[tf.Tensor, tf.Tensor]:
        """`[tokens]` int64 each: first character and end within the text."""
        text_starts = tf.gather(self.texts.starts(), self.spans.rows)
        return self.spans.starts - text_starts, self.spans.ends - text_starts


class Tokenize(tf.Module):
    """Splits texts as `WhitespaceTokenizer.tokenize` does.

    Call: texts as `Lines` -> `Tokens`.

    Raises:
        NotInGraph: `token_pattern` cannot be translated.
    """

    def __init__(self, tokenizer: WhitespaceTokenizer, kinds: Kinds) -> None:
        super().__init__()
        self._kinds = kinds
        pattern = tokenizer.options()["token_pattern"]
        self._pieces = _pieces_like(str(pattern), kinds) if pattern else None

    def __call__(self, texts: Lines) -> Tokens:
        tokens = Tokens.at(self._words(texts), texts)
        return tokens if self._pieces is None else _cut(tokens, self._pieces)

    def _words(self, texts: Lines) -> Runs:
        kinds = self._kinds(texts.codes)
        in_word = ~(is_kind(kinds, Kind.SPACE) | _removed(kinds))
        # Words count from 1 here; what lies between two words counts to the first.
        begins = tf.cast(in_word & ~tf.roll(in_word, 1, 0), tf.int32)
        word_of = tf.cumsum(begins)
        plain = in_word & ~is_kind(kinds, Kind.EMOJI)
        has_plain = any_in(plain, word_of, tf.reduce_sum(begins) + 1)
        in_word &= tf.gather(has_plain, word_of)
        # A text of which no word is left is one token.
        without_words = ~any_in(in_word, texts.rows, texts.count)
        in_word |= tf.gather(without_words, texts.rows) & ~texts.is_end()
        return runs_of(in_word, texts)


def _removed(kinds: tf.Tensor) -> tf.Tensor:
    """`[slots]` bool: the signs that the rules of `whitespace.SEPARATOR` remove.

    A search from left to right is not needed: what is removed of a stretch of signs follows from
    the characters on its two sides. If there is white space (or the text's end) behind, all of it
    goes (the first rule); if there is only in front, all of it (the second), except the last sign
    before a digit; if there is none, what has no place in a URL (the third), except what touches a
    digit.
    """
    blank = is_kind(kinds, Kind.BLANK)
    sign = ~is_kind(kinds, Kind.KEPT | Kind.BLANK)
    decimal = is_kind(kinds, Kind.DECIMAL)
    blank_before = tf.gather(blank, nearest_before(~sign))
    blank_after = tf.gather(blank, nearest_after(~sign))
    touches_before, touches_after = tf.roll(decimal, 1, 0), tf.roll(decimal, -1, 0)
    outside_url = ~is_kind(kinds, Kind.URL) & ~touches_before
    return sign & (blank_after | (~touches_after & (blank_before | outside_url)))


def _pieces_like(pattern: str, kinds: Kinds) -> PatternMatching:
    try:
        if re.compile(pattern).groups:
            raise NotInGraph("it has a group; write groups as (?:...)")
        return PatternMatching([PatternProgram.of(pattern)], kinds)
    except NotInGraph as reason:
        raise NotInGraph(f"{NAME}: token_pattern {pattern!r}: {reason}") from None


def _cut(tokens: Tokens, pieces: PatternMatching) -> Tokens:
    """Each token's pieces in its place, or the token if it has none (`Tokenizer._pieces_of`)."""
    found = pieces(tokens.words)
    origin = tf.gather(tokens.words.rows, found.starts)
    shift = tf.gather(tokens.spans.starts - tokens.words.starts(), origin)
    whole = true_places(~any_in(tf.ones_like(origin), origin, tokens.words.count))
    starts = tf.concat([found.starts + shift, tf.gather(tokens.spans.starts, whole)], 0)
    ends = tf.concat([found.ends + shift, tf.gather(tokens.spans.ends, whole)], 0)
    rows = tf.gather(tokens.spans.rows, tf.concat([origin, whole], 0))
    order = tf.argsort(starts)
    spans = Runs(*(tf.gather(part, order) for part in (rows, starts, ends)))
    return Tokens.at(spans, tokens.texts)

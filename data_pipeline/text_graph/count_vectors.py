"""The CountVectorsFeaturizer in the graph: terms of tokens and of texts, by look-ups."""

from __future__ import annotations

import tensorflow as tf
from sklearn.feature_extraction.text import CountVectorizer

from data_pipeline.featurizers.count_vectors import CountVectorsFeaturizer
from data_pipeline.featurizers.count_vectors_options import CountVectorsOptions
from data_pipeline.text_graph.active import Active, TextActive
from data_pipeline.text_graph.strings.characters import Kind, Kinds, is_kind
from data_pipeline.text_graph.strings.lines import END, Lines, runs_of, true_places
from data_pipeline.text_graph.strings.trie import UNKNOWN, StringNumbers, Trie
from data_pipeline.text_graph.tokens import Tokens
from data_pipeline.text_graph.word_forms import UnknownWords, without_accents

BLANK = ord(" ")
MARKS = 3
"""The length of the shortest padded word."""


class CountVectors(tf.Module):
    """Counts what the fitted featurizer counts.

    The features of a text are those of its tokens, joined by blanks; where no term can contain a
    blank between tokens, they are the sum of the tokens'.

    Attributes:
        lowercase: whether it wants `WordForms` in lower case.

    Call: `Tokens`, and their `WordForms` -> `TextActive`.
    """

    def __init__(self, featurizer: CountVectorsFeaturizer, kinds: Kinds) -> None:
        super().__init__()
        options = CountVectorsOptions(**featurizer.options())
        vocabulary = featurizer.state()["vocabulary"]
        self.lowercase = options.lowercase
        self._crosses_tokens = options.crosses_tokens
        self._unknown = UnknownWords(options, vocabulary) if options.oov_token else None
        accents = options.strip_accents
        self._without_accents = without_accents(accents) if accents else None
        self._terms = _analyzer(options, vocabulary, kinds)

    def __call__(self, tokens: Tokens, words: Lines) -> TextActive:
        if self._unknown is not None:
            words = self._unknown(words)
        if self._without_accents is not None:
            words = self._without_accents(words)
        of_tokens = self._terms(words)
        if self._crosses_tokens:
            return TextActive(of_tokens, self._terms(_joined_by_blanks(words, tokens)))
        texts = tf.gather(tokens.spans.rows, of_tokens.rows)
        return TextActive(of_tokens, Active(texts, of_tokens.columns))


def _analyzer(
    options: CountVectorsOptions, vocabulary: list[str], kinds: Kinds
) -> WordNgrams | CharacterNgrams | PaddedNgrams:
    if options.analyzer == "word":
        return WordNgrams(options, vocabulary, kinds)
    if options.analyzer == "char":
        return CharacterNgrams(vocabulary, kinds)
    return PaddedNgrams(options, vocabulary, kinds)


def _joined_by_blanks(words: Lines, tokens: Tokens) -> Lines:
    """The words of each text with a blank between them; texts without words are left out."""
    texts = tokens.spans.rows
    ends_text = tf.not_equal(texts, tf.roll(texts, -1, 0)) | tf.equal(
        tf.range(tf.size(texts)), tf.size(texts) - 1
    )
    ends = tf.where(ends_text, END, BLANK)
    codes = tf.tensor_scatter_nd_update(words.codes, words.ends()[:, None], ends)
    return Lines(codes, tf.gather(texts, words.rows), tokens.texts.count)


class WordNgrams(tf.Module):
    r"""Words (`\w\w*` of `re`) without the stop words, and sequences of them.

    Call: documents as `Lines` -> `Active`.
    """

    def __init__(self, options: CountVectorsOptions, vocabulary: list[str], kinds: Kinds) -> None:
        super().__init__()
        self._kinds = kinds
        numbers: dict[str, int] = {}
        terms = {
            tuple(numbers.setdefault(word, len(numbers)) for word in term.split(" ")): column
            for column, term in enumerate(vocabulary)
        }
        self._numbers = StringNumbers(numbers)
        self._trie = Trie(terms)
        stop_words = CountVectorizer(stop_words=options.stop_words).get_stop_words() or ()
        self._stop_words = StringNumbers(dict.fromkeys(stop_words, 0)) if stop_words else None

    def __call__(self, documents: Lines) -> Active:
        in_word = is_kind(self._kinds(documents.codes), Kind.WORD)
        found = runs_of(in_word, documents)
        words, rows = Lines.at(found.starts, found.ends, documents), found.rows
        symbols = self._numbers(words)
        if self._stop_words is not None:
            stays = true_places(tf.equal(self._stop_words(words), UNKNOWN))
            rows, symbols = tf.gather(rows, stays), tf.gather(symbols, stays)
        # A slot behind each row, so that no sequence goes on into the next.
        places = tf.range(tf.size(rows, tf.int64)) + rows
        slots = [tf.size(rows, tf.int64) + documents.count]
        symbols = tf.tensor_scatter_nd_update(
            tf.fill(slots, tf.constant(UNKNOWN, tf.int64)), places[:, None], symbols
        )
        columns = tf.gather(self._trie(symbols), places, axis=1)
        return Active.known(rows, columns)


class CharacterNgrams(tf.Module):
    r"""Sequences of characters; `\s\s+` counts as one blank (`CountVectorizer._char_ngrams`).

    Call: documents as `Lines` -> `Active`.
    """

    def __init__(self, vocabulary: list[str], kinds: Kinds) -> None:
        super().__init__()
        self._kinds = kinds
        self._trie = _trie_of_characters(vocabulary)

    def __call__(self, documents: Lines) -> Active:
        space = is_kind(self._kinds(documents.codes), Kind.SPACE) & ~documents.is_end()
        follows = space & tf.roll(space, 1, 0)
        codes = tf.where(tf.roll(follows, -1, 0), BLANK, documents.codes)
        kept = true_places(~follows)
        columns = self._trie(tf.cast(tf.gather(codes, kept), tf.int64))
        return Active.known(tf.gather(documents.rows, kept), columns)


class PaddedNgrams(tf.Module):
    """Sequences of the characters of each word between blanks (`_char_wb_ngrams`).

    A padded word that is shorter than the shortest sequence counts as one.

    Call: documents as `Lines` -> `Active`.
    """

    def __init__(self, options: CountVectorsOptions, vocabulary: list[str], kinds: Kinds) -> None:
        super().__init__()
        self._kinds = kinds
        self._shortest = options.min_ngram
        self._trie = _trie_of_characters(vocabulary)

    def __call__(self, documents: Lines) -> Active:
        padded, rows = _padded(*_between_spaces(documents, self._kinds))
        columns = self._trie(tf.cast(padded.codes, tf.int64))
        if self._shortest > MARKS:
            columns = self._without_parts(columns, padded)
        return Active.known(rows, columns)

    def _without_parts(self, columns: tf.Tensor, padded: Lines) -> tf.Tensor:
        """Of sequences that are too short, only whole words count."""
        starts = tf.gather(padded.starts(), padded.rows)
        lengths = tf.gather(padded.ends(), padded.rows) - starts
        places = tf.range(tf.size(padded.codes, tf.int64))
        wanted = tf.range(1, self._trie.depth + 1, dtype=tf.int64)[:, None]
        is_word = tf.equal(places, starts) & tf.equal(lengths, wanted)
        return tf.where((wanted >= self._shortest) | is_word, columns, UNKNOWN)


def _between_spaces(documents: Lines, kinds: Kinds) -> tuple[Lines, tf.Tensor]:
    """What stands between white space as lines of their own, and `[slots]` whose each slot is."""
    ends = is_kind(kinds(documents.codes), Kind.SPACE)  # `END` is white space, too
    kept = true_places(~(ends & tf.roll(ends, 1, 0)))
    codes = tf.gather(tf.where(ends, END, documents.codes), kept)
    is_end = tf.cast(tf.equal(codes, END), tf.int64)
    return Lines.of(codes, tf.reduce_sum(is_end)), tf.gather(documents.rows, kept)


def _padded(words: Lines, rows: tf.Tensor) -> tuple[Lines, tf.Tensor]:
    """The words with a blank in front and one behind; `rows` as above."""
    slots = tf.size(words.codes, tf.int64)
    shift = 2 * words.rows + 1 + tf.cast(words.is_end(), tf.int64)
    places = (tf.range(slots) + shift)[:, None]
    size = slots + 2 * words.count
    codes = tf.tensor_scatter_nd_update(tf.fill([size], BLANK), places, words.codes)
    padded = Lines.of(codes, words.count)
    return padded, tf.gather(tf.gather(rows, words.ends()), padded.rows)


def _trie_of_characters(vocabulary: list[str]) -> Trie:
    return Trie({tuple(map(ord, term)): column for column, term in enumerate(vocabulary)})

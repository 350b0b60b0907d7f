"""Words as the CountVectorsFeaturizer sees them: masked, lower-cased, unknown ones replaced."""

from __future__ import annotations

import unicodedata

import tensorflow as tf

from data_pipeline.featurizers.count_vectors import NUMBER_MASK
from data_pipeline.featurizers.count_vectors_options import CountVectorsOptions
from data_pipeline.text_graph.strings.characters import Kinds
from data_pipeline.text_graph.strings.lines import END, Lines
from data_pipeline.text_graph.strings.rewriting import CharacterMap, LowerCase, MaskNumbers
from data_pipeline.text_graph.strings.trie import UNKNOWN, StringNumbers


class WordForms(tf.Module):
    """Numbers masked, and lower case if wanted (`CountVectorsFeaturizer._masked`).

    Call: words as `Lines` -> as many words.
    """

    def __init__(self, kinds: Kinds, lower: LowerCase | None) -> None:
        super().__init__()
        self._mask = MaskNumbers(kinds, NUMBER_MASK)
        self._lower = lower

    def __call__(self, words: Lines) -> Lines:
        masked = self._mask(words)
        return masked if self._lower is None else self._lower(masked)


class UnknownWords(tf.Module):
    """Puts the OOV token for words that are not known (`CountVectorsFeaturizer._known_or_oov`).

    Args:
        options: which have an `oov_token`.
        vocabulary: the known terms.

    Call: words as `Lines` -> as many words.
    """

    def __init__(self, options: CountVectorsOptions, vocabulary: list[str]) -> None:
        super().__init__()
        self._knows_token = options.oov_token in vocabulary
        listed = vocabulary if self._knows_token else sorted(options.oov_words)
        self._listed = StringNumbers({word: number for number, word in enumerate(listed)})
        self._token = tf.constant([*map(ord, options.oov_token or ""), END], tf.int32)

    def __call__(self, words: Lines) -> Lines:
        is_listed = tf.not_equal(self._listed(words), UNKNOWN)
        is_kept = is_listed if self._knows_token else ~is_listed
        with_token = Lines.of(tf.concat([words.codes, self._token], 0), words.count + 1)
        starts, ends = with_token.starts(), with_token.ends()
        return Lines.at(
            tf.where(is_kept, starts[:-1], starts[-1]),
            tf.where(is_kept, ends[:-1], ends[-1]),
            with_token,
        )


def without_accents(kind: str) -> CharacterMap:
    """What scikit-learn's `strip_accents` does, for "unicode" or "ascii".

    Both decompose characters and drop some of the parts. (Combining marks may change places among
    themselves when decomposed, but both drop them.)
    """
    return CharacterMap(_of_unicode if kind == "unicode" else _of_ascii)


def _of_unicode(character: str) -> str:
    if character.isascii():
        return character
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if not unicodedata.combining(part))


def _of_ascii(character: str) -> str:
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if part.isascii())

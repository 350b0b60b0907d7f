"""The LexicalSyntacticFeaturizer in the graph: how tokens and their neighbours are written."""

from __future__ import annotations

import tensorflow as tf

from data_pipeline.featurizers.lexical_syntactic import LexicalSyntacticFeaturizer
from data_pipeline.text_graph.active import Active, TextActive
from data_pipeline.text_graph.strings.characters import Kind, Kinds, is_kind
from data_pipeline.text_graph.strings.lines import any_in
from data_pipeline.text_graph.strings.trie import UNKNOWN, Trie
from data_pipeline.text_graph.tokens import Tokens

TRUTHS = ("low", "title", "upper", "digit", "BOS", "EOS")
"""The features that are true or false; the others are beginnings and endings."""


class LexicalSyntactic(tf.Module):
    """Looks at the values of each window position, as the fitted featurizer does.

    Call: `Tokens` -> `TextActive`; texts have no features.
    """

    def __init__(self, featurizer: LexicalSyntacticFeaturizer, kinds: Kinds) -> None:
        super().__init__()
        self._kinds = kinds
        own = len(featurizer.options()["features"]) // 2
        truths, affixes = [], []
        self._affixes: list[tuple[str, Trie]] = []
        width = 0
        for position, name, values in featurizer.state()["values"]:
            columns = {value: width + index for index, value in enumerate(values)}
            width += len(values)
            if name in TRUTHS:
                found = [columns.get(str(truth), UNKNOWN) for truth in (False, True)]
                truths.append((position - own, TRUTHS.index(name), *found))
            else:
                affixes.append(position - own)
                trie = Trie({tuple(map(ord, value)): column for value, column in columns.items()})
                self._affixes.append((name, trie))
        offsets, names, of_false, of_true = zip(*truths, strict=True) if truths else ((),) * 4
        self._offsets = tf.constant([*offsets, *affixes], tf.int64)
        self._truths = tf.constant(names, tf.int32)
        self._of_false, self._of_true = (tf.constant(c, tf.int64) for c in (of_false, of_true))

    def __call__(self, tokens: Tokens) -> TextActive:
        truths = tf.gather(self._truth_values(tokens), self._truths)
        columns = tf.where(truths, self._of_true[:, None], self._of_false[:, None])
        affixes = [_affix_columns(name, trie, tokens) for name, trie in self._affixes]
        columns = tf.concat([columns, *(found[None] for found in affixes)], 0)
        # Who has the token at this position of the window, if that is a token of the same text.
        texts = tokens.spans.rows
        count = tf.size(texts, tf.int64)
        viewers = tf.range(count) - self._offsets[:, None]
        inside = tf.clip_by_value(viewers, 0, tf.maximum(count - 1, 0))
        sees = tf.equal(viewers, inside) & tf.equal(tf.gather(texts, inside), texts)
        places = tf.where(sees & tf.not_equal(columns, UNKNOWN))
        found = Active(tf.gather_nd(viewers, places), tf.gather_nd(columns, places))
        return TextActive(found, Active.none())

    def _truth_values(self, tokens: Tokens) -> tf.Tensor:
        """`[truths, tokens]` bool; mirrors `str.islower` and so on."""
        words, texts = tokens.words, tokens.spans.rows
        kinds = self._kinds(words.codes)
        lower, capital = is_kind(kinds, Kind.LOWER), is_kind(kinds, Kind.UPPER | Kind.TITLE)
        behind_cased = tf.roll(capital | lower, 1, 0)
        facts = (
            lower,
            is_kind(kinds, Kind.UPPER),
            is_kind(kinds, Kind.TITLE),
            (capital & behind_cased) | (lower & ~behind_cased),
            ~is_kind(kinds, Kind.DIGIT) & ~words.is_end(),
        )
        seen = any_in(tf.stack(facts, 1), words.rows, words.count)
        has_lower, has_upper, has_title, has_misplaced, has_other = tf.unstack(seen, axis=1)
        has_capital = has_upper | has_title
        places = tf.range(tf.size(texts))
        changes = tf.not_equal(texts, tf.roll(texts, 1, 0)) | tf.equal(places, 0)
        values = {
            "low": has_lower & ~has_capital,
            "title": (has_lower | has_capital) & ~has_misplaced,
            "upper": has_upper & ~has_lower & ~has_title,
            "digit": ~has_other,
            "BOS": changes,
            "EOS": tf.roll(changes, -1, 0),
        }
        return tf.stack([values[name] for name in TRUTHS])


def _affix_columns(name: str, trie: Trie, tokens: Tokens) -> tf.Tensor:
    """`[tokens]` int64: the column of the token's beginning or end, for "prefix2", "suffix3"..."""
    starts, ends = tokens.words.starts(), tokens.words.ends()
    lengths = tf.minimum(ends - starts, int(name[-1]))
    starts = starts if name.startswith("prefix") else ends - lengths
    return trie.find(tf.cast(tokens.words.codes, tf.int64), starts, lengths)

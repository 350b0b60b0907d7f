"""From raw texts to the tensors of a batch, in the graph: what `FittedPipeline` does in Python."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from data_pipeline.batches.assembly import LENGTH_BUCKET
from data_pipeline.featurizers.count_vectors import CountVectorsFeaturizer
from data_pipeline.featurizers.dense.word_vectors import WordVectorsFeaturizer
from data_pipeline.featurizers.featurizer import Featurizer
from data_pipeline.featurizers.lexical_syntactic import LexicalSyntacticFeaturizer
from data_pipeline.featurizers.regex_featurizer import RegexFeaturizer
from data_pipeline.messages.fitted_pipeline import FittedPipeline
from data_pipeline.text_graph.active import Active, TextActive, counted
from data_pipeline.text_graph.count_vectors import CountVectors
from data_pipeline.text_graph.lexical_syntactic import LexicalSyntactic
from data_pipeline.text_graph.regex_featurizer import Regexes
from data_pipeline.text_graph.strings.characters import Kinds
from data_pipeline.text_graph.strings.lines import Lines
from data_pipeline.text_graph.strings.not_in_graph import NotInGraph, RegexesNotInGraph
from data_pipeline.text_graph.strings.rewriting import LowerCase
from data_pipeline.text_graph.tokens import Tokenize, Tokens
from data_pipeline.text_graph.word_forms import WordForms
from data_pipeline.text_graph.word_vectors import WordVectors
from data_pipeline.tokenizers.whitespace import WhitespaceTokenizer

IN_GRAPH = (
    CountVectorsFeaturizer,
    LexicalSyntacticFeaturizer,
    RegexFeaturizer,
    WordVectorsFeaturizer,
)
"""Not what is derived from them: that may do anything."""


class FeaturizedTexts(NamedTuple):
    """What a model needs of texts.

    Attributes:
        batch: the text tensors of `model.batch`, but for `text_token_ids`.
        tokens: where they come from.
        places: `[tokens]` int64, where in `[batch, time]`, laid end to end, each token is.
    """

    batch: dict[str, tf.Tensor]
    tokens: Tokens
    places: tf.Tensor


class TextFeatures(tf.Module):
    """The tokenizer and the featurizers of a fitted pipeline as TensorFlow operations.

    The tensors are those that `assemble` makes of the same texts, value by value; only means of
    word vectors may differ in the last digit.

    Args:
        pipeline: the fitted one.
        leave_out_regexes: whether regexes without a form in the graph count as never matching.

    Attributes:
        left_out: the regexes left out, in words.
        lower: lower case, for others to use.

    Call: `[batch]` string -> `FeaturizedTexts`. Each malformed part of what is not UTF-8 counts as
    one U+FFFD.

    Raises:
        NotInGraph: the tokenizer or featurizers have no form in the graph; says which.
        RegexesNotInGraph: regexes have none; says which and why.
    """

    def __init__(self, pipeline: FittedPipeline, *, leave_out_regexes: bool = False) -> None:
        super().__init__()
        tokenizer = _checked_tokenizer(pipeline)
        self.left_out: list[str] = []
        self._kinds = Kinds()
        self.lower = LowerCase(self._kinds)
        self._forms = {
            "lower": WordForms(self._kinds, self.lower),
            "as written": WordForms(self._kinds, None),
        }
        self._tokenize = Tokenize(tokenizer, self._kinds)
        # In lists and not in tuples, in which tf.Module does not look for tables.
        self._featurizers = [self._in_graph(featurizer) for featurizer in pipeline.featurizers]
        if self.left_out and not leave_out_regexes:
            raise RegexesNotInGraph("; ".join(self.left_out))
        self._starts = (pipeline.sequence_starts.tolist(), pipeline.sentence_starts.tolist())
        self._has_dense = pipeline.dense_width > 0

    def _in_graph(self, featurizer: Featurizer) -> tf.Module | None:
        if isinstance(featurizer, CountVectorsFeaturizer):
            return CountVectors(featurizer, self._kinds)
        if isinstance(featurizer, LexicalSyntacticFeaturizer):
            return LexicalSyntactic(featurizer, self._kinds)
        if isinstance(featurizer, RegexFeaturizer):
            return Regexes(featurizer, self._kinds, self.left_out.append)
        if isinstance(featurizer, WordVectorsFeaturizer):
            return WordVectors(featurizer, self.lower)
        return None

    def __call__(self, texts: tf.Tensor) -> FeaturizedTexts:
        tokens = self._tokenize(Lines.decoded(texts))
        counts = tokens.counts()
        longest = tf.maximum(tf.reduce_max(tf.concat([[0], counts], 0)), 1)
        positions = -(-longest // LENGTH_BUCKET) * LENGTH_BUCKET
        places = _places(tokens, counts, tf.cast(positions, tf.int64))
        batch = {"text_mask": tf.sequence_mask(counts, positions, tf.float32)}
        batch |= self._sparse(tokens, places)
        if self._has_dense:
            batch |= self._dense(tokens, places, positions)
        return FeaturizedTexts(batch, tokens, places)

    def _sparse(self, tokens: Tokens, places: tf.Tensor) -> dict[str, tf.Tensor]:
        forms: dict[str, Lines] = {}
        found = []
        for featurizer in self._featurizers:
            if isinstance(featurizer, CountVectors):
                key = "lower" if featurizer.lowercase else "as written"
                if key not in forms:
                    forms[key] = self._forms[key](tokens.words)
                found.append(featurizer(tokens, forms[key]))
            elif isinstance(featurizer, LexicalSyntactic | Regexes):
                found.append(featurizer(tokens))
            else:
                found.append(TextActive(Active.none(), Active.none()))
        of_tokens, of_texts = (
            [getattr(part, kind) for part in found] for kind in TextActive._fields
        )
        at_places = [Active(tf.gather(places, part.rows), part.columns) for part in of_tokens]
        sequence_starts, sentence_starts = self._starts
        sequence, sentence = counted(at_places, sequence_starts), counted(of_texts, sentence_starts)
        return {
            "text_sequence_indices": sequence[0],
            "text_sequence_values": sequence[1],
            "text_sentence_indices": sentence[0],
            "text_sentence_values": sentence[1],
        }

    def _dense(
        self, tokens: Tokens, places: tf.Tensor, positions: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        parts = [f(tokens) for f in self._featurizers if isinstance(f, WordVectors)]
        of_tokens, of_texts = (tf.concat([*part], 1) for part in zip(*parts, strict=True))
        texts = tf.cast(tokens.texts.count, tf.int32)
        width = of_tokens.shape[1]
        cells = tf.scatter_nd(
            places[:, None], of_tokens, tf.cast([texts * positions, width], tf.int64)
        )
        return {
            "text_sequence_dense": tf.reshape(cells, [texts, positions, width]),
            "text_sentence_dense": of_texts,
        }


def _checked_tokenizer(pipeline: FittedPipeline) -> WhitespaceTokenizer:
    """The tokenizer, which has a form in the graph, as all featurizers with features do.

    Raises:
        NotInGraph: they do not; says which.
    """
    unknown = [
        featurizer.name
        for featurizer in pipeline.featurizers
        if type(featurizer) not in IN_GRAPH
        and featurizer.sequence_width + featurizer.sentence_width + featurizer.dense_width
    ]
    tokenizer = pipeline.tokenizer
    if type(tokenizer) is WhitespaceTokenizer and not unknown:
        return tokenizer
    names = unknown if type(tokenizer) is WhitespaceTokenizer else [tokenizer.name, *unknown]
    raise NotInGraph(f"{', '.join(names)} can only run in Python")


def _places(tokens: Tokens, counts: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """`[tokens]` int64: `text * positions + position` of every token."""
    texts = tokens.spans.rows
    firsts = tf.cumsum(tf.cast(counts, tf.int64), exclusive=True)
    position = tf.range(tf.size(texts, tf.int64)) - tf.gather(firsts, texts)
    return texts * positions + position

"""The RegexFeaturizer in the graph: which patterns and lookup tables match at a token."""

from __future__ import annotations

import re
from collections.abc import Callable

import tensorflow as tf

from data_pipeline.featurizers.regex_featurizer import RegexFeaturizer
from data_pipeline.rasa_files.training_items import LookupTable
from data_pipeline.text_graph.active import Active, TextActive
from data_pipeline.text_graph.patterns.lookup_tables import LookupTables
from data_pipeline.text_graph.patterns.pattern_matching import PatternMatching
from data_pipeline.text_graph.patterns.pattern_program import PatternProgram
from data_pipeline.text_graph.patterns.spans import Spans, touched
from data_pipeline.text_graph.strings.characters import Kinds
from data_pipeline.text_graph.strings.lines import Lines, any_in
from data_pipeline.text_graph.strings.not_in_graph import NotInGraph
from data_pipeline.text_graph.tokens import Tokens


class Regexes(tf.Module):
    """Marks the tokens that a match touches, as the fitted featurizer does.

    Args:
        featurizer: the fitted one.
        kinds: of characters.
        leave_out: is told, in a sentence, of each pattern that cannot be translated; the pattern
            then matches nothing. It may raise.

    Call: `Tokens` -> `TextActive`.
    """

    def __init__(
        self, featurizer: RegexFeaturizer, kinds: Kinds, leave_out: Callable[[str], None]
    ) -> None:
        super().__init__()
        options, state = featurizer.options(), featurizer.state()
        flags = 0 if options["case_sensitive"] else re.IGNORECASE
        self._columns: list[int] = []
        programs = []
        for column, (name, pattern) in enumerate(state["regexes"]):
            try:
                programs.append(PatternProgram.of(pattern, flags))
                self._columns.append(column)
            except NotInGraph as reason:
                leave_out(f"regex {name!r}, pattern {pattern!r}: {reason}")
        self._patterns = PatternMatching(programs, kinds) if programs else None
        tables = [LookupTable(name, tuple(elements)) for name, elements in state["lookups"]]
        self._columns += range(len(state["regexes"]), len(state["regexes"]) + len(tables))
        self._num_patterns = len(programs)
        self._tables = None
        if tables:
            self._tables = LookupTables(
                tables,
                kinds,
                case_sensitive=options["case_sensitive"],
                word_boundaries=options["use_word_boundaries"],
            )

    def __call__(self, tokens: Tokens) -> TextActive:
        if not self._columns:
            return TextActive(Active.none(), Active.none())
        spans, slots = self._spans(tokens.texts), tf.size(tokens.texts.codes, tf.int64)
        touching = tf.transpose(touched(spans, len(self._columns), tokens.spans, slots))
        columns = tf.constant(self._columns, tf.int64)
        token, pattern = tf.unstack(tf.where(touching), axis=1)
        in_text = any_in(touching, tokens.spans.rows, tokens.texts.count)
        text, pattern_in_text = tf.unstack(tf.where(in_text), axis=1)
        return TextActive(
            Active(token, tf.gather(columns, pattern)),
            Active(text, tf.gather(columns, pattern_in_text)),
        )

    def _spans(self, texts: Lines) -> Spans:
        found = [] if self._patterns is None else [self._patterns(texts)]
        if self._tables is not None:
            spans = self._tables(texts)
            found.append(spans._replace(patterns=spans.patterns + self._num_patterns))
        return Spans(*(tf.concat([*parts], 0) for parts in zip(*found, strict=True)))

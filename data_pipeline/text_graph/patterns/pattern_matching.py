"""Runs patterns over all texts of a batch at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from data_pipeline.text_graph.patterns.automaton import DEAD, Automaton
from data_pipeline.text_graph.patterns.pattern_program import PatternProgram
from data_pipeline.text_graph.patterns.spans import Spans, without_overlaps
from data_pipeline.text_graph.strings.characters import CharacterTable, Kind, Kinds, is_kind
from data_pipeline.text_graph.strings.lines import END, Lines, true_places

LINE_BREAK = 10


class PatternMatching(tf.Module):
    """The matches that `re.finditer` finds.

    The automaton is started before every character, all of them step on together, and those that
    have no way on leave. So the number of steps is the length of the longest match or near match.

    Args:
        programs: the patterns.

    Call: texts as `Lines` -> the `Spans` of the matches in them.

    Raises:
        NotInGraph: the automaton would be too large.
    """

    def __init__(self, programs: Sequence[PatternProgram], kinds: Kinds) -> None:
        super().__init__()
        self._kinds = kinds
        automaton = Automaton.of(programs)
        states, self._num_edges, num_classes = automaton.following.shape
        self._facts = automaton.facts
        # END has a class of its own, from which no state leads on.
        classes = automaton.classes.copy()
        classes[END] = num_classes
        self._num_classes = num_classes + 1
        self._classes = CharacterTable(classes)
        following = np.full((states, self._num_edges, self._num_classes), DEAD, np.int32)
        following[:, :, :num_classes] = automaton.following
        self._following = tf.constant(following.ravel())
        self._accepts = tf.constant(automaton.accepts.ravel())
        self._starts = tf.constant(automaton.starts, tf.int32)

    def __call__(self, texts: Lines) -> Spans:
        slots = tf.size(texts.codes, tf.int64)
        ends = self._ends(texts, slots)
        threads = true_places(ends >= 0)
        found = Spans(threads // slots, threads % slots, tf.gather(ends, threads))
        return without_overlaps(found, slots)

    def _edges(self, texts: Lines) -> tf.Tensor:
        """`[slots]` int32: the number (see `Automaton`) of the edge in front of each slot."""
        word = is_kind(self._kinds(texts.codes), Kind.WORD)
        end = texts.is_end()
        known = {
            "boundary": tf.math.logical_xor(word, tf.roll(word, 1, 0)),
            "start": tf.roll(end, 1, 0),
            "end": end,
            "last line break": tf.equal(texts.codes, LINE_BREAK) & tf.roll(end, -1, 0),
        }
        edges = tf.zeros_like(texts.codes)
        for fact in self._facts:
            edges = 2 * edges + tf.cast(known[fact], tf.int32)
        return edges

    def _ends(self, texts: Lines, slots: tf.Tensor) -> tf.Tensor:
        """`[patterns * slots]` int64: where the pattern's match ends that begins here, or -1."""
        edges = self._edges(texts)
        symbols = edges * self._num_classes + self._classes(texts.codes)
        num_patterns = tf.size(self._starts, tf.int64)
        states = tf.reshape(tf.tile(self._starts[:, None], [1, slots]), [-1])
        places = tf.tile(tf.range(slots), [num_patterns])
        threads = tf.range(slots * num_patterns)
        ends = tf.fill([slots * num_patterns], tf.constant(-1, tf.int64))
        symbols_of_state = self._num_edges * self._num_classes

        def step(
            states: tf.Tensor, places: tf.Tensor, threads: tf.Tensor, ends: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            ways = states * symbols_of_state + tf.gather(symbols, places)
            states = tf.gather(self._following, ways)
            alive = true_places(tf.not_equal(states, DEAD))
            states, threads = tf.gather(states, alive), tf.gather(threads, alive)
            places = tf.gather(places, alive) + 1
            accepting = states * self._num_edges + tf.gather(edges, places)
            accepts = true_places(tf.gather(self._accepts, accepting))
            ends = tf.tensor_scatter_nd_update(
                ends, tf.gather(threads, accepts)[:, None], tf.gather(places, accepts)
            )
            return states, places, threads, ends

        *_, ends = tf.while_loop(
            lambda states, *_: tf.size(states) > 0,
            step,
            [states, places, threads, ends],
            shape_invariants=[tf.TensorShape([None])] * 4,
        )
        return ends

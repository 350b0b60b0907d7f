"""Patterns find in the graph what `re.finditer` finds, or are refused in words."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from text_graph.fuzzed_texts import FUZZED_STRINGS, SHARED_DATA, fuzzed_texts, thoroughly

from data_pipeline.errors import InputError
from data_pipeline.rasa_files.nlu_files import find_nlu_files, iter_nlu_file
from data_pipeline.rasa_files.training_items import RegexPattern
from data_pipeline.text_graph.patterns.pattern_matching import PatternMatching
from data_pipeline.text_graph.patterns.pattern_program import PatternProgram
from data_pipeline.text_graph.patterns.spans import Spans, without_overlaps
from data_pipeline.text_graph.strings.characters import Kinds
from data_pipeline.text_graph.strings.lines import Lines
from data_pipeline.text_graph.strings.not_in_graph import NotInGraph

KINDS = Kinds()
PIZZA = Path(__file__).resolve().parents[3] / "examples" / "pizza"


def spans_in_graph(patterns, texts, flags=0) -> list[list[list[tuple[int, int]]]]:
    """By pattern and text."""
    matching = PatternMatching([PatternProgram.of(p, flags) for p in patterns], KINDS)
    lines = Lines.decoded(tf.constant([text.encode() for text in texts]))
    found = [[[] for _ in texts] for _ in patterns]
    starts, rows = lines.starts().numpy(), lines.rows.numpy()
    for pattern, start, end in zip(*(part.numpy() for part in matching(lines)), strict=True):
        row = rows[start]
        found[pattern][row].append((start - starts[row], end - starts[row]))
    return found


def check(patterns, texts, flags=0) -> None:
    for pattern, found in zip(patterns, spans_in_graph(patterns, texts, flags), strict=True):
        for text, spans in zip(texts, found, strict=True):
            expected = [match.span() for match in re.finditer(pattern, text, flags)]
            assert spans == expected, (pattern, text)


TEXTS = ["", "aba", "abab", "a\n", "a\nb", "12345", "AB1234 x", "hey there HEY", "ſs K k", "é É_1"]


@pytest.mark.parametrize(
    "pattern",
    [
        *("aba", "ab|a|b", "a|ab", "(?:a|ab)(?:b|ba)?", "a+?b?", "(a|b)+", "[^a]", "."),
        *(
            r"\b\w",
            r"\w\b",
            r"\B\w",
            "^a",
            "a$",
            r"a\Z",
            r"\Aa",
            r"\d{2,3}",
            r"\d{2,3}?",
            r"[\d_]+",
        ),
        *(
            "hey[^\\s]*",
            "[0-9]{5}",
            r"\b[A-Z]{2}\d{4}\b",
            "(?i:hey)",
            "(?s:a.b)",
            "a.b",
            "(?i)É|s|k",
        ),
        *(r"[^\s]*[a-zA-Z0-9_.+-]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+[^\s]*", "(?P<n>a)b", "a{2}|b{1,}"),
    ],
)
@pytest.mark.parametrize("flags", [0, re.IGNORECASE])
def test_finds_what_re_finds(pattern, flags):
    check([pattern], [*TEXTS, "mail me@example.org.", "aabbab aab"], flags)


ATOMS = st.sampled_from(
    [*"ab1é ", r"\d", r"\w", r"\s", r"\S", r"\W", ".", "[ab]", "[^a]", "[a-c1]", r"[^\s]"]
)
EDGES = st.sampled_from([r"\b", r"\B", "^", "$", r"\Z", r"\A"])
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?", "??"])


def _longer(inner):
    sequence = st.lists(
        st.one_of(st.tuples(inner, REPEATS).map("".join), EDGES), min_size=1, max_size=4
    ).map("".join)
    branches = st.lists(sequence, min_size=1, max_size=3).map("|".join)
    return st.one_of(
        branches.map("(?:{})".format), branches.map("({})".format), branches.map("(?i:{})".format)
    )


PATTERNS = st.recursive(ATOMS, _longer, max_leaves=8)
TEXTS_PER_PATTERN = 20


@settings(thoroughly, max_examples=max(40, FUZZED_STRINGS // TEXTS_PER_PATTERN))
@given(PATTERNS, fuzzed_texts(TEXTS, TEXTS_PER_PATTERN), st.sampled_from([0, re.IGNORECASE]))
def test_any_pattern_finds_what_re_finds(pattern, texts, flags):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            re.compile(pattern)
            PatternProgram.of(pattern, flags)
        except (re.error, NotInGraph):
            assume(False)
        small = ["".join(c for c in text if c in "ab1é \n_ABÉ") for text in texts]
        check([pattern], [*texts, *small], flags)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a(?=b)", r"ahead or behind, by \(\?="),
        ("(?<!a)b", r"ahead or behind, by \(\?!"),
        (r"(a)\1", "refers back to a group"),
        ("(a)?(?(1)b|c)", "refers back to a group"),
        ("a*", "can match the empty text"),
        (r"\b", "can match the empty text"),
        ("(?:a?)+b", "repeats something that can be empty"),
        ("(?m)^a", "its flags"),
        ("(?a)\\w", "its flags"),
        ("(?i)a(?-i:b)", "takes a flag back"),
        ("a{3000}", "too long"),
        ("(?:a|b)*a(?:a|b){18}", "automaton is too large"),
    ],
)
def test_refused_with_a_reason(pattern, reason):
    with pytest.raises(NotInGraph, match=reason):
        spans_in_graph([pattern], ["aaa"])


def test_a_table_of_the_shared_data_s_patterns():
    """All of those that public projects use are translated."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no data sets in {SHARED_DATA}; set SHARED_DATA to where they are")
    projects = [PIZZA / "data", SHARED_DATA / "sara" / "data", *(SHARED_DATA / "wild").iterdir()]
    files = [path for project in projects for path in _readable(project)]
    items = [item for path in files for item in _items(path)]
    patterns = sorted({item.pattern for item in items if isinstance(item, RegexPattern)})
    assert len(patterns) >= 8
    check(patterns, [*TEXTS, "DE12345678901234567890 zip 12345 or a1234567, me@example.org"])


def _readable(project: Path):
    try:
        return find_nlu_files([project])
    except InputError:  # not all are of a form that is read
        return []


def _items(path: Path):
    try:
        yield from iter_nlu_file(path)
    except InputError:  # a lookup file that is not there, after the regexes
        return


def test_matches_are_chosen_without_branches_whose_thread_an_exported_model_would_wait_for():
    spec = tf.TensorSpec([None], tf.int64)
    chosen = tf.function(
        lambda patterns, starts, ends, slots: without_overlaps(
            Spans(patterns, starts, ends), slots
        ),
        autograph=False,
    ).get_concrete_function(spec, spec, spec, tf.TensorSpec([], tf.int64))
    used = {operation.type for operation in chosen.graph.get_operations()}
    assert "StatelessWhile" in used
    assert not used & {"If", "StatelessIf"}

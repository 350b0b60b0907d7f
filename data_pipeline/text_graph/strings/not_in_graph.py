"""What cannot be said in TensorFlow operations."""

from __future__ import annotations


class NotInGraph(Exception):
    """A tokenizer, featurizer or pattern has no exact form in a graph; the text says why."""


class RegexesNotInGraph(NotInGraph):
    """Only some regexes have none; all else has."""

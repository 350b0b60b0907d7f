"""A featurizer that is not ours: whatever rows it gives for tokens and texts become features."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_matrix, issparse

from data_pipeline.errors import InputError
from data_pipeline.featurizers.dense_features import TextVectors
from data_pipeline.featurizers.featurizer import Featurizer, TextRows, TokenizedMessage
from data_pipeline.rasa_files.training_items import Message, Token
from data_pipeline.tokenizers.custom_tokenizer import Span, source_of

Rows = Any
"""`np.ndarray`, a SciPy sparse matrix or None."""
PROBE = TokenizedMessage(Message("a b"), (Token("a", 0, 1), Token("b", 2, 3)))


class FeaturizesTexts(Protocol):
    """What a featurizer of one's own has to be; see docs/custom_components.md."""

    def featurize(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> Sequence[tuple[Rows, Rows]]:
        """Per text `[tokens, width]` and `[1, width]`, dense or sparse; None = no such features."""


class CustomFeaturizer(Featurizer):
    """Wraps an object that has `featurize`. It learns nothing from training data.

    Attributes:
        name: the whole path of its class.
    """

    def __init__(
        self,
        name: str,
        component: Any,
        make: Callable[[dict[str, Any]], FeaturizesTexts],
        options: Mapping[str, Any],
    ) -> None:
        """Makes the object from the options but for `alias`.

        Raises:
            InputError: it cannot be made so.
        """
        self.name = name
        self.alias = options.get("alias") or name
        self._component = component
        self._all_options = dict(options)
        self._own_options = {k: v for k, v in options.items() if k != "alias"}
        self._make = make
        self._featurizer = make(self._own_options)

    def options(self) -> dict[str, Any]:
        """As they are in the pipeline."""
        return self._all_options

    def source_files(self) -> list[Path]:
        """The file of its class."""
        return source_of(self._component)

    def continue_from(self, earlier: CustomFeaturizer) -> None:
        """There is nothing to add to."""

    def fit(self, statistics: Iterable[None]) -> None:
        """Looks at the features of a small text: what kind they are, and how wide."""
        ((tokens, sentence),) = self._featurized([PROBE])
        self._set_widths(
            {
                "sequence_width": _width(tokens, sparse=True),
                "sentence_width": _width(sentence, sparse=True),
                "context_width": _width(tokens, sparse=False),
                "context_sentence_width": _width(sentence, sparse=False),
            }
        )
        if not any(self.state().values()):
            raise InputError(
                f"{self.name}: featurize gives no features of {PROBE.message.text!r}; correct the "
                "component, or remove it"
            )

    def column_keys(self) -> list[Hashable]:
        """They never change."""
        return list(range(self.sequence_width))

    def text_vectors(self, messages: Sequence[TokenizedMessage]) -> list[TextVectors]:
        """The dense rows."""
        if not (self.context_width or self.context_sentence_width):
            return super().text_vectors(messages)
        made = []
        for message, (tokens, sentence) in self._pairs(messages):
            shape = (len(message.tokens), self.context_width)
            of_tokens = self._dense_rows(tokens, shape)
            of_text = self._dense_rows(sentence, (1, self.context_sentence_width))
            made.append(TextVectors(of_tokens, of_text[0]))
        return made

    def text_rows(self, messages: Sequence[TokenizedMessage]) -> list[TextRows] | None:
        """The sparse rows."""
        if not (self.sequence_width or self.sentence_width):
            return None
        made = []
        for message, (tokens, sentence) in self._pairs(messages):
            of_tokens = self._sparse_rows(tokens, (len(message.tokens), self.sequence_width))
            of_text = self._sparse_rows(sentence, (1, self.sentence_width))
            made.append(TextRows(of_tokens, of_text))
        return made

    def state(self) -> dict[str, Any]:
        """The widths."""
        return {
            "sequence_width": self.sequence_width,
            "sentence_width": self.sentence_width,
            "context_width": self.context_width,
            "context_sentence_width": self.context_sentence_width,
        }

    @classmethod
    def restore(cls, options: Mapping[str, Any], state: Mapping[str, Any]) -> Featurizer:
        """Is done where classes are found by their paths; see `with_state`."""
        raise NotImplementedError

    def with_state(self, state: Mapping[str, Any]) -> CustomFeaturizer:
        """This, as it was fitted once."""
        self._set_widths(state)
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_featurizer": None}

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        """In another process it is made anew: it may hold what cannot be sent there."""
        self.__dict__.update(pickled, _featurizer=pickled["_make"](pickled["_own_options"]))

    def _set_widths(self, widths: Mapping[str, int]) -> None:
        for name, width in widths.items():
            setattr(self, name, width)

    def _pairs(self, messages: Sequence[TokenizedMessage]) -> Iterable:
        """Messages and their features; texts without tokens are not asked for."""
        asked = [message for message in messages if message.tokens]
        given = iter(self._featurized(asked) if asked else ())
        return [(m, next(given) if m.tokens else (None, None)) for m in messages]

    def _featurized(self, messages: Sequence[TokenizedMessage]) -> list[tuple[Rows, Rows]]:
        texts = [message.message.text for message in messages]
        spans = [[(t.start, t.end) for t in message.tokens] for message in messages]
        given = list(self._featurizer.featurize(texts, spans))
        pairs = [pair for pair in given if isinstance(pair, (tuple, list)) and len(pair) == 2]
        if len(pairs) != len(texts) or len(given) != len(texts):
            raise self._wrong("a pair (rows of tokens, row of the text) for each text", given)
        return [(_matrix(tokens), _matrix(sentence)) for tokens, sentence in pairs]

    def _dense_rows(self, rows: Rows, shape: tuple[int, int]) -> np.ndarray:
        if rows is None or not shape[1]:
            return np.zeros(shape, np.float32)
        if issparse(rows) or rows.shape != shape:
            raise self._wrong(f"dense rows of shape {shape}", rows)
        return np.asarray(rows, np.float32)

    def _sparse_rows(self, rows: Rows, shape: tuple[int, int]) -> csr_matrix:
        if rows is None or not shape[1]:
            return csr_matrix(shape, dtype=np.float32)
        if not issparse(rows) or rows.shape != shape:
            raise self._wrong(f"sparse rows of shape {shape}", rows)
        made = csr_matrix(rows, dtype=np.float32)
        made.sum_duplicates()
        return made

    def _wrong(self, expected: str, received: Any) -> InputError:
        shape = getattr(received, "shape", None)
        shown = f"{type(received).__name__} {shape}" if shape is not None else repr(received)[:80]
        return InputError(
            f"{self.name}: featurize must give {expected}, always of the same kind and width; "
            f"received {shown}; correct the component"
        )


def _matrix(rows: Any) -> Rows:
    """A single row may come without its first dimension."""
    if rows is None or issparse(rows):
        return rows
    array = np.asarray(rows)
    return array[None] if array.ndim == 1 else array


def _width(rows: Rows, *, sparse: bool) -> int:
    return 0 if rows is None or issparse(rows) != sparse else int(rows.shape[1])

"""Counts words or character n-grams: the bag-of-words features of Rasa's pipelines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import reduce
from typing import Any

from scipy.sparse import csr_matrix

from data_pipeline.errors import InputError
from data_pipeline.featurizers.count_vectors_options import NAME, read_count_vectors_options
from data_pipeline.featurizers.featurizer import Featurizer, TokenizedMessage, rows_of
from data_pipeline.featurizers.term_statistics import TermStatistics
from data_pipeline.warnings_to_user import warn

NUMBER = re.compile(r"\b[0-9]+\b")
NUMBER_MASK = "__NUMBER__"
DOCUMENTS_PER_MESSAGE = {True: 6, False: 3}
"""With a shared vocabulary: the attributes that Rasa counts for words, for characters. Each message
is one document, mostly empty, of each attribute; that matters for fractional limits."""


@dataclass
class CountVectorsStatistics:
    """What one chunk of messages holds.

    Attributes:
        tokens: the distinct tokens, if no limits and no n-grams across tokens need more than that.
        terms: the terms of the texts otherwise.
        intents: how many messages have each intent name; None = no intent.
    """

    tokens: set[str] = field(default_factory=set)
    terms: TermStatistics = field(default_factory=TermStatistics)
    intents: Counter[str | None] = field(default_factory=Counter)


def _whole_name(name: str) -> tuple[str, ...]:
    return (name,)


class CountVectorsFeaturizer(Featurizer):
    """Counts the terms of a token, a sentence or an intent name.

    Mirrors `CountVectorsFeaturizer` for the attributes text and intent, with one vocabulary each
    (or one for both with `use_shared_vocab`). A token row is the token vectorized alone; the
    sentence row is the joined tokens vectorized as one document. Columns follow the sorted terms;
    terms that a later fit adds come after them.
    """

    name = NAME
    sentence_sums_tokens = True

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        split_label: Callable[[str], Sequence[str]] = _whole_name,
    ) -> None:
        """Checks the options (`InputError`).

        `split_label` is `Tokenizer.label_tokens`; it is only needed for fitting.
        """
        self._options = read_count_vectors_options(options or {})
        self._split_label = split_label
        self._analyze = self._options.build_analyzer()
        self.reads_lemmas = self._options.use_lemma
        self._oov_token = self._options.oov_token
        self._oov_words = self._options.oov_words
        self.alias = self._options.alias or self.name
        self._set_vocabularies([], [])

    def options(self) -> dict[str, Any]:
        """The options in Rasa's names."""
        return asdict(self._options)

    def observe(self, messages: Sequence[TokenizedMessage]) -> CountVectorsStatistics:
        """The distinct tokens of a chunk, or its terms with their frequencies."""
        seen = CountVectorsStatistics()
        if self._options.counts_words:
            seen.intents.update(message.message.intent for message in messages)
        if not self._options.crosses_tokens and not self._options.limits_vocabulary:
            for message in messages:
                seen.tokens.update(self._texts(message))
            return seen
        for message in messages:
            words = [self._word(text) for text in self._texts(message)]
            seen.terms.add_document(self._analyze(" ".join(words)) if words else ())
        return seen

    def merge(
        self, total: CountVectorsStatistics, more: CountVectorsStatistics
    ) -> CountVectorsStatistics:
        """Adds them up."""
        total.tokens |= more.tokens
        total.terms.merge(more.terms)
        total.intents.update(more.intents)
        return total

    @property
    def shares_vocabulary(self) -> bool:
        """Whether all that has words has one vocabulary (`use_shared_vocab`)."""
        return self._options.use_shared_vocab

    def continue_from(self, earlier: CountVectorsFeaturizer) -> None:
        """Takes over the vocabularies."""
        self._set_vocabularies(list(earlier._vocabulary), list(earlier._label_vocabulary))

    def fit(self, statistics: Iterable[CountVectorsStatistics]) -> None:
        """Makes the vocabularies, or adds new terms to the one it continues from.

        Raises:
            InputError: the frequency limits leave no term, or a shared vocabulary would grow.
        """
        total = reduce(self.merge, statistics, CountVectorsStatistics())
        texts = total.terms
        for token in total.tokens:
            texts.add_document(self._analyze(self._word(token)))
        labels = self._label_statistics(total.intents)
        if self._vocabulary:
            self._add_terms(texts, labels)
        else:
            self._make_vocabularies(texts, labels)
        self._warn_if_oov_is_unknown()

    def _make_vocabularies(self, texts: TermStatistics, labels: TermStatistics) -> None:
        if self._options.use_shared_vocab:
            documents = texts.documents * DOCUMENTS_PER_MESSAGE[self._options.counts_words]
            texts.merge(labels)
            if self._options.limits_vocabulary:
                texts.documents = documents
            shared = texts.vocabulary(self._options, self._options.min_df)
            self._set_vocabularies(shared, shared if self._options.counts_words else [])
        else:
            self._set_vocabularies(
                texts.vocabulary(self._options, self._options.min_df),
                labels.vocabulary(self._options, min_df=1),
            )

    def _add_terms(self, texts: TermStatistics, labels: TermStatistics) -> None:
        """Appends new terms, sorted and whatever their frequency (`_fit_loaded_vectorizer`).

        Intents cannot be new when training continues, so their vocabulary stays as it is.
        """
        shared = self._options.use_shared_vocab
        found = set(texts.document_frequency)
        if shared:
            found |= labels.document_frequency.keys()
        new = sorted(found - self._vocabulary.keys())
        if new and shared:
            raise InputError(
                f"{NAME}: the vocabulary is shared with intent names (use_shared_vocab) and so "
                f"cannot grow; the training data has {len(new)} new terms, the first {new[0]!r}; "
                "train from scratch"
            )
        self._set_vocabularies([*self._vocabulary, *new], list(self._label_vocabulary))

    def token_rows(self, tokens: Sequence[str]) -> csr_matrix:
        """Each token vectorized alone."""
        rows = [self._counts(self._word(token), self._vocabulary) for token in tokens]
        return rows_of(rows, self.sequence_width)

    def sentence_extra(self, message: TokenizedMessage) -> dict[int, float]:
        """The counts of the joined text beyond those of its tokens: n-grams across blanks."""
        if not self._options.crosses_tokens or len(message.tokens) < 2:
            return {}
        words = [self._word(text) for text in self._texts(message)]
        extra = self._counts(" ".join(words), self._vocabulary)
        for word in words:
            extra.subtract(self._counts(word, self._vocabulary))
        return {column: float(count) for column, count in sorted(extra.items()) if count}

    def label_rows(self, tokens: Sequence[str]) -> csr_matrix:
        """The tokens of an intent name, vectorized without masking numbers."""
        words = [self._known_or_oov(token, self._label_vocabulary) for token in tokens]
        rows = [self._counts(word, self._label_vocabulary) for word in words]
        return rows_of(rows, self.label_width)

    def column_keys(self) -> list[Hashable]:
        """The terms of texts."""
        return list(self._vocabulary)

    def state(self) -> dict[str, Any]:
        """The vocabularies in column order."""
        return {"vocabulary": list(self._vocabulary), "labels": list(self._label_vocabulary)}

    @classmethod
    def restore(
        cls, options: Mapping[str, Any], state: Mapping[str, Any]
    ) -> CountVectorsFeaturizer:
        """The fitted featurizer again."""
        featurizer = cls(options)
        featurizer._set_vocabularies(state["vocabulary"], state["labels"])
        return featurizer

    def _set_vocabularies(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        self._vocabulary = {term: column for column, term in enumerate(texts)}
        self._label_vocabulary = {term: column for column, term in enumerate(labels)}
        self.sequence_width = self.sentence_width = len(self._vocabulary)
        self.label_width = len(self._label_vocabulary)

    def _label_statistics(self, intents: Counter[str | None]) -> TermStatistics:
        statistics = TermStatistics()
        for intent, times in intents.items():
            tokens = self._split_label(intent) if intent else ()
            words = [self._as_oov(token) for token in tokens]
            statistics.add_document(self._analyze(" ".join(words)) if words else (), times)
        return statistics

    def _counts(self, text: str, vocabulary: Mapping[str, int]) -> Counter[int]:
        terms = self._analyze(text)
        return Counter([vocabulary[term] for term in terms if term in vocabulary])

    def _texts(self, message: TokenizedMessage) -> list[str]:
        """What is counted of each token."""
        if self.reads_lemmas:
            return [token.type.lemma for token in message.tokens]
        return [token.text for token in message.tokens]

    def _masked(self, token: str) -> str:
        """Numbers masked, lower-cased (`_process_tokens`)."""
        masked = NUMBER.sub(NUMBER_MASK, token)
        return masked.lower() if self._options.lowercase else masked

    def _word(self, token: str) -> str:
        return self._known_or_oov(self._masked(token), self._vocabulary)

    def _as_oov(self, word: str) -> str:
        return self._oov_token if self._oov_token and word in self._oov_words else word

    def _known_or_oov(self, word: str, vocabulary: Mapping[str, int]) -> str:
        """Once fitted (`_replace_with_oov_token`). A word of several terms is never known."""
        if self._oov_token and self._oov_token in vocabulary:
            return word if word in vocabulary else self._oov_token
        return self._as_oov(word)

    def _warn_if_oov_is_unknown(self) -> None:
        if self._oov_token and not self._oov_words and self._oov_token not in self._vocabulary:
            warn(
                f"{NAME}: OOV_token {self._oov_token!r} occurs in no training text; unknown words "
                "will be ignored"
            )

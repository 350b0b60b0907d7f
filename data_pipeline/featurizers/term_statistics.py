"""How often terms occur in a stream of documents, and which of them make a vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from data_pipeline.errors import InputError
from data_pipeline.featurizers.count_vectors_options import NAME, CountVectorsOptions


@dataclass
class TermStatistics:
    """Sums over documents that can be added up in any order.

    Attributes:
        documents: how many documents, empty ones included (for fractional limits).
        document_frequency: in how many documents each term occurs.
        term_frequency: how often each term occurs.
    """

    documents: int = 0
    document_frequency: Counter[str] = field(default_factory=Counter)
    term_frequency: Counter[str] = field(default_factory=Counter)

    def add_document(self, terms: Iterable[str], times: int = 1) -> None:
        """Counts a document that occurs `times` times."""
        counts = Counter(terms)
        self.documents += times
        for term, count in counts.items():
            self.document_frequency[term] += times
            self.term_frequency[term] += times * count

    def merge(self, other: TermStatistics) -> None:
        """Adds the sums of other documents."""
        self.documents += other.documents
        self.document_frequency.update(other.document_frequency)
        self.term_frequency.update(other.term_frequency)

    def vocabulary(self, options: CountVectorsOptions, min_df: int | float) -> list[str]:
        """The terms within the limits, sorted (`CountVectorizer._limit_features`).

        Of equally frequent terms at the border of `max_features` the alphabetically first are
        kept. (scikit-learn leaves their order to an unstable sort.)

        Raises:
            InputError: no term is within the limits.
        """
        terms = sorted(self.document_frequency)
        if not terms:
            return []
        frequencies = np.array([self.document_frequency[term] for term in terms])
        kept = np.flatnonzero(
            (frequencies >= self._count(min_df)) & (frequencies <= self._count(options.max_df))
        )
        if options.max_features is not None and len(kept) > options.max_features:
            totals = np.array([self.term_frequency[terms[index]] for index in kept])
            most_frequent = np.argsort(-totals, kind="stable")[: options.max_features]
            kept = np.sort(kept[most_frequent])
        if not len(kept):
            raise InputError(
                f"{NAME}: no term is left between min_df {min_df!r} and max_df {options.max_df!r} "
                f"in {self.documents} documents; lower min_df or raise max_df"
            )
        return [terms[index] for index in kept]

    def _count(self, limit: int | float) -> float:
        return limit if isinstance(limit, int) else limit * self.documents

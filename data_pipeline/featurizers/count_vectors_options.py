"""The options of the CountVectorsFeaturizer and what they say about counting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sklearn.feature_extraction.text import CountVectorizer

from data_pipeline.component_options import read_options
from data_pipeline.errors import InputError
from data_pipeline.warnings_to_user import warn

NAME = "CountVectorsFeaturizer"
WORD_PATTERN = r"(?u)\b\w+\b"


@dataclass(frozen=True)
class CountVectorsOptions:
    """Options of `count_vectors_featurizer.CountVectorsFeaturizer`, with its defaults.

    Attributes:
        use_lemma: whether the lemma of a token is counted; without spaCy it is the token's text.
    """

    analyzer: Literal["word", "char", "char_wb"] = "word"
    min_ngram: int = 1
    max_ngram: int = 1
    lowercase: bool = True
    strip_accents: Literal["ascii", "unicode"] | None = None
    stop_words: str | list[str] | None = None
    min_df: int | float = 1
    max_df: int | float = 1.0
    max_features: int | None = None
    OOV_token: str | None = None
    OOV_words: str | list[str] = field(default_factory=list)
    use_lemma: bool = True
    use_shared_vocab: bool = False
    alias: str | None = None

    @property
    def counts_words(self) -> bool:
        """Whether words are counted, and so intent names too; otherwise characters."""
        return self.analyzer == "word"

    @property
    def crosses_tokens(self) -> bool:
        """Whether the joined text has n-grams that no token alone has."""
        return self.analyzer == "char" or (self.counts_words and self.max_ngram > 1)

    @property
    def limits_vocabulary(self) -> bool:
        """Whether how often a term occurs decides if it is a feature."""
        unlimited = isinstance(self.max_df, float) and self.max_df == 1.0
        return not (self.min_df in (0, 1) and isinstance(self.min_df, int) and unlimited) or (
            self.max_features is not None
        )

    @property
    def oov_token(self) -> str | None:
        """The stand-in for unknown words, as it is counted; None if there is none."""
        if not self.OOV_token or not self.counts_words:
            return None
        return self.OOV_token.lower() if self.lowercase else self.OOV_token

    @property
    def oov_words(self) -> frozenset[str]:
        """The training words that count as unknown."""
        words = [self.OOV_words] if isinstance(self.OOV_words, str) else self.OOV_words
        return frozenset(word.lower() if self.lowercase else word for word in words)

    def build_analyzer(self) -> Callable[[str], list[str]]:
        """scikit-learn's function from a text to its terms."""
        return CountVectorizer(
            analyzer=self.analyzer,
            ngram_range=(self.min_ngram, self.max_ngram),
            lowercase=self.lowercase,
            strip_accents=self.strip_accents,
            stop_words=self.stop_words if self.counts_words else None,
            token_pattern=WORD_PATTERN,
        ).build_analyzer()


def read_count_vectors_options(options: Mapping[str, Any]) -> CountVectorsOptions:
    """The checked options; combinations that have no effect are logged.

    Raises:
        InputError: an unknown option, a wrong type or a value out of range.
    """
    checked = read_options(NAME, options, CountVectorsOptions)
    if not 1 <= checked.min_ngram <= checked.max_ngram:
        raise _out_of_range(
            "min_ngram and max_ngram must be whole numbers with 1 <= min_ngram <= max_ngram",
            (checked.min_ngram, checked.max_ngram),
        )
    for key in ("min_df", "max_df"):
        limit = getattr(checked, key)
        if limit < 0 or (isinstance(limit, float) and limit > 1.0):
            raise _out_of_range(f"{key} must be a count or a fraction between 0.0 and 1.0", limit)
    if checked.max_features is not None and checked.max_features < 1:
        raise _out_of_range("max_features must be at least 1 or null", checked.max_features)
    if isinstance(checked.stop_words, str) and checked.stop_words != "english":
        raise _out_of_range("stop_words must be 'english', a list or null", checked.stop_words)
    _log_unused(checked)
    return checked


def _out_of_range(problem: str, received: object) -> InputError:
    return InputError(f"{NAME}: {problem}; received {received!r}; correct it in the pipeline")


def _log_unused(options: CountVectorsOptions) -> None:
    """Mirrors `CountVectorsFeaturizer._check_analyzer`."""
    if not options.counts_words and options.OOV_token is not None:
        warn(f"{NAME}: OOV_token has no effect with a character analyzer")
    if not options.counts_words and options.stop_words is not None:
        warn(f"{NAME}: stop_words has no effect with a character analyzer")
    if not options.counts_words and options.max_ngram == 1:
        warn(f"{NAME}: with max_ngram 1 only single characters are counted")
    if options.OOV_words and not options.OOV_token:
        warn(f"{NAME}: OOV_words has no effect without OOV_token")

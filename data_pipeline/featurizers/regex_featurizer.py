"""Which patterns and lookup tables of the training data match at a token."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from data_pipeline.component_options import read_options
from data_pipeline.errors import InputError
from data_pipeline.featurizers.featurizer import Featurizer, TokenizedMessage
from data_pipeline.featurizers.lookup_matcher import LookupMatcher, Span
from data_pipeline.rasa_files.training_items import LookupTable, RegexPattern, Token


@dataclass(frozen=True)
class RegexFeaturizerOptions:
    """Options of `rasa.nlu.featurizers.sparse_featurizer.regex_featurizer`, with its defaults."""

    case_sensitive: bool = True
    use_regexes: bool = True
    use_lookup_tables: bool = True
    use_word_boundaries: bool = True
    alias: str | None = None


class PatternMatcher:
    """One regular expression of the training data."""

    def __init__(self, regex: RegexPattern, flags: int) -> None:
        """Compiles the pattern.

        Raises:
            InputError: it is not a regular expression.
        """
        try:
            self._pattern = re.compile(regex.pattern, flags)
        except re.error as error:
            raise InputError(
                f"{regex.source or 'training data'}: the pattern of regex {regex.name!r} is not a "
                f"regular expression ({error}); received {regex.pattern!r}; correct it"
            ) from error

    def spans(self, text: str) -> list[Span]:
        """The matches from left to right."""
        return [match.span() for match in self._pattern.finditer(text)]


class RegexFeaturizer(Featurizer):
    """One column per pattern, sorted, then one per lookup table.

    Mirrors `RegexFeaturizer`. A cell is 1 when any match in the message text overlaps the token.
    The sentence row is the OR over the tokens. Call `learn_patterns` before featurizing.

    When it continues from an earlier fit, a pattern or table of a known name takes that one's place
    and the others come after the known ones of their kind. (Rasa appends both kinds at the very
    end, and of several patterns of one name it only ever replaces the last.)
    """

    name = "RegexFeaturizer"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Checks the options (`InputError`)."""
        self._options = read_options(self.name, options or {}, RegexFeaturizerOptions)
        self.alias = self._options.alias or self.name
        self._set_patterns((), ())

    def options(self) -> dict[str, Any]:
        """The options in Rasa's names."""
        return asdict(self._options)

    def learn_patterns(
        self, regexes: Iterable[RegexPattern], lookups: Iterable[LookupTable]
    ) -> None:
        """Takes the patterns of the training data (`pattern_utils.extract_patterns`).

        Raises:
            InputError: a pattern is not a regular expression.
        """
        new_regexes = sorted(
            regexes if self._options.use_regexes else (),
            key=lambda regex: f"{regex.name}+{regex.pattern}",
        )
        new_lookups = list(lookups) if self._options.use_lookup_tables else []
        self._set_patterns(_merged(self._regexes, new_regexes), _merged(self._lookups, new_lookups))

    def _set_patterns(
        self, regexes: Sequence[RegexPattern], lookups: Sequence[LookupTable]
    ) -> None:
        self._regexes = list(regexes)
        self._lookups = list(lookups)
        flags = 0 if self._options.case_sensitive else re.IGNORECASE
        patterns = [PatternMatcher(regex, flags) for regex in self._regexes]
        lookup_matchers = [
            LookupMatcher(
                lookup.elements,
                case_sensitive=self._options.case_sensitive,
                word_boundaries=self._options.use_word_boundaries,
            )
            for lookup in self._lookups
        ]
        self._matchers: list[PatternMatcher | LookupMatcher] = [*patterns, *lookup_matchers]
        self.sequence_width = self.sentence_width = len(self._matchers)

    def continue_from(self, earlier: RegexFeaturizer) -> None:
        """Takes over the patterns and tables."""
        self._set_patterns(earlier._regexes, earlier._lookups)

    def fit(self, statistics: Iterable[None]) -> None:
        """Nothing is learnt from messages; see `learn_patterns`."""

    def place_columns(self, message: TokenizedMessage) -> list[tuple[int, ...]]:
        """Per token the patterns that match there."""
        columns: list[list[int]] = [[] for _ in message.tokens]
        for column, matcher in enumerate(self._matchers):
            spans = matcher.spans(message.message.text)
            if spans:
                for found, token in zip(columns, message.tokens, strict=True):
                    if _overlaps_any(token, spans):
                        found.append(column)
        return [tuple(found) for found in columns]

    def sentence_extra(self, message: TokenizedMessage) -> dict[int, float]:
        """The patterns that match at any token."""
        matched = {column for columns in self.place_columns(message) for column in columns}
        return dict.fromkeys(sorted(matched), 1.0)

    def column_keys(self) -> list[Hashable]:
        """Kind and number: a pattern may change and stay the same feature."""
        return [
            (kind, number)
            for kind, learnt in (("regex", self._regexes), ("lookup", self._lookups))
            for number in range(len(learnt))
        ]

    def state(self) -> dict[str, Any]:
        """The patterns and tables in column order."""
        return {
            "regexes": [[regex.name, regex.pattern] for regex in self._regexes],
            "lookups": [[lookup.name, list(lookup.elements)] for lookup in self._lookups],
        }

    @classmethod
    def restore(cls, options: Mapping[str, Any], state: Mapping[str, Any]) -> RegexFeaturizer:
        """The featurizer with the patterns of `state`."""
        featurizer = cls(options)
        featurizer._set_patterns(
            [RegexPattern(name, pattern) for name, pattern in state["regexes"]],
            [LookupTable(name, tuple(elements)) for name, elements in state["lookups"]],
        )
        return featurizer


Named = TypeVar("Named", RegexPattern, LookupTable)


def _merged(known: Sequence[Named], new: Sequence[Named]) -> list[Named]:
    """The known ones in their places, changed where `new` has another of their name; then the rest.

    >>> _merged([LookupTable("city", ("Rome",))], [LookupTable("city", ("Oslo",))])
    [LookupTable(name='city', elements=('Oslo',))]
    """
    merged = list(known)
    unchanged = set(known) & set(new)
    free = [place for place, one in enumerate(known) if one not in unchanged]
    for one in new:
        if one in unchanged:
            continue
        place = next((place for place in free if merged[place].name == one.name), None)
        if place is None:
            merged.append(one)
        else:
            merged[place] = one
            free.remove(place)
    return merged


def _overlaps_any(token: Token, spans: list[Span]) -> bool:
    return any(token.start < end and token.end > start for start, end in spans)

"""Entities that patterns and lookup tables of the training data find: no model is asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from data_pipeline.component_options import read_options
from data_pipeline.featurizers.lookup_matcher import LookupMatcher
from data_pipeline.featurizers.regex_featurizer import PatternMatcher
from data_pipeline.rasa_files.nlu_files import sorted_regexes
from data_pipeline.rasa_files.training_items import LookupTable, RegexPattern
from data_pipeline.warnings_to_user import warn

NAME = "RegexEntityExtractor"


@dataclass(frozen=True)
class RegexExtractorOptions:
    """Options of `rasa.nlu.extractors.regex_entity_extractor`, with its defaults."""

    case_sensitive: bool = False
    use_lookup_tables: bool = True
    use_regexes: bool = True
    use_word_boundaries: bool = True


@dataclass(frozen=True)
class EntityPatterns:
    """The patterns and tables of training data that are called as an entity there is.

    Attributes:
        regexes: sorted as `sorted_regexes` does.
        lookups: in file order.
    """

    regexes: tuple[RegexPattern, ...] = ()
    lookups: tuple[LookupTable, ...] = ()

    @classmethod
    def of(
        cls,
        entities: Collection[str],
        regexes: Iterable[RegexPattern],
        lookups: Iterable[LookupTable],
    ) -> EntityPatterns:
        """Those of training data, in which these entities are annotated."""
        found = cls(
            tuple(regex for regex in sorted_regexes(regexes) if regex.name in entities),
            tuple(table for table in lookups if table.name in entities),
        )
        if found == cls():
            warn(
                f"{NAME} finds nothing: no lookup table and no regex of the training data has the "
                "name of an entity there; name one so, or remove the component"
            )
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "regexes": [[regex.name, regex.pattern] for regex in self.regexes],
            "lookups": [[table.name, list(table.elements)] for table in self.lookups],
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> EntityPatterns:
        """The inverse of `to_json`."""
        return cls(
            tuple(RegexPattern(name, pattern) for name, pattern in plain["regexes"]),
            tuple(LookupTable(name, tuple(elements)) for name, elements in plain["lookups"]),
        )


@dataclass(frozen=True)
class RegexEntityExtractor:
    """Finds every match of every pattern; matches may overlap.

    Mirrors `rasa.nlu.extractors.regex_entity_extractor.RegexEntityExtractor`.

    >>> tables = EntityPatterns(lookups=(LookupTable("city", ("Rome", "Oslo")),))
    >>> RegexEntityExtractor(tables, RegexExtractorOptions()).extract("to rome")[0]["value"]
    'rome'
    """

    patterns: EntityPatterns
    options: RegexExtractorOptions

    @classmethod
    def from_options(
        cls, patterns: EntityPatterns, options: Mapping[str, Any]
    ) -> RegexEntityExtractor:
        """Checks the options (`InputError`)."""
        return cls(patterns, read_options(NAME, options, RegexExtractorOptions))

    def extract(self, text: str) -> list[dict[str, Any]]:
        """The entities of a text, pattern by pattern, then table by table."""
        return [
            {
                "entity": name,
                "start": start,
                "end": end,
                "value": text[start:end],
                "extractor": NAME,
            }
            for name, matcher in self._matchers
            for start, end in matcher.spans(text)
        ]

    @cached_property
    def _matchers(self) -> Sequence[tuple[str, PatternMatcher | LookupMatcher]]:
        chosen = self.options
        flags = 0 if chosen.case_sensitive else re.IGNORECASE
        regexes = self.patterns.regexes if chosen.use_regexes else ()
        tables = self.patterns.lookups if chosen.use_lookup_tables else ()
        return [
            *((regex.name, PatternMatcher(regex, flags)) for regex in regexes),
            *(
                (
                    table.name,
                    LookupMatcher(
                        table.elements,
                        case_sensitive=chosen.case_sensitive,
                        word_boundaries=chosen.use_word_boundaries,
                    ),
                )
                for table in tables
            ),
        ]

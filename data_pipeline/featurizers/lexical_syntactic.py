"""How a token and its neighbours are written: case, digits, prefixes, suffixes, first or last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache, reduce
from typing import Any

from scipy.sparse import csr_matrix

from data_pipeline.component_options import read_options, unknown_name
from data_pipeline.errors import InputError
from data_pipeline.featurizers.featurizer import Featurizer, TokenizedMessage, rows_of

STRING_FEATURES: dict[str, Callable[[str], object]] = {
    "low": str.islower,
    "title": str.istitle,
    "upper": str.isupper,
    "digit": str.isdigit,
    "prefix2": lambda text: text[:2],
    "prefix5": lambda text: text[:5],
    "suffix1": lambda text: text[-1:],
    "suffix2": lambda text: text[-2:],
    "suffix3": lambda text: text[-3:],
    "suffix5": lambda text: text[-5:],
}
PLACE_FEATURES = ("BOS", "EOS")
TAG_FEATURES: dict[str, Callable[[str | None], object]] = {
    "pos": lambda tag: tag,
    "pos2": lambda tag: None if tag is None else tag[:2],
}
CACHED_TOKENS = 100_000

Values = dict[tuple[int, str], set[str]]
"""(window position, feature name) -> the values seen, as text."""


def _default_features() -> list[list[str]]:
    neighbour = ["low", "title", "upper"]
    return [neighbour, ["BOS", "EOS", "low", "upper", "title", "digit"], list(neighbour)]


@dataclass(frozen=True)
class LexicalSyntacticOptions:
    """Options of `lexical_syntactic_featurizer`: the feature names of each window position."""

    features: list[list[str]] = field(default_factory=_default_features)
    alias: str | None = None


class LexicalSyntacticFeaturizer(Featurizer):
    """One column per value of a feature at a window position, as seen in training.

    Mirrors `rasa.nlu.featurizers.sparse_featurizer.lexical_syntactic_featurizer`. What the window's
    own token looks like follows from its string and is in `token_rows`; its neighbours, parts of
    speech, and whether it is first or last, are in `place_columns`. There are no sentence features.
    """

    name = "LexicalSyntacticFeaturizer"

    def __init__(
        self, options: Mapping[str, Any] | None = None, *, tagged_words: bool = False
    ) -> None:
        """Checks the options. `tagged_words` tells that tokens have parts of speech.

        Raises:
            InputError: no feature, an unknown one, or one that needs spaCy.
        """
        self._options = read_options(self.name, options or {}, LexicalSyntacticOptions)
        self.alias = self._options.alias or self.name
        if not any(self._options.features):
            raise InputError(
                "LexicalSyntacticFeaturizer: 'features' names none; name some, or remove the "
                f"component. Received: {self._options.features}"
            )
        for names in self._options.features:
            for name in names:
                _check_feature(name, tagged_words)
        self._window = [sorted(set(names)) for names in self._options.features]
        self._own = len(self._window) // 2
        self._columns: dict[tuple[int, str], dict[str, int]] = {}
        self._set_columns({})

    def options(self) -> dict[str, Any]:
        """The options in Rasa's names."""
        return asdict(self._options)

    def observe(self, messages: Sequence[TokenizedMessage]) -> Values:
        """The values that occur in a chunk."""
        texts: dict[int, set[str]] = defaultdict(set)
        tags: dict[int, set[str | None]] = defaultdict(set)
        lengths: set[int] = set()
        for message in messages:
            lengths.add(len(message.tokens))
            for position in range(len(self._window)):
                reached = message.tokens[slice(*self._reach(position, len(message.tokens)))]
                texts[position].update([token.text for token in reached])
                tags[position].update([token.tag for token in reached])
        values: dict[tuple[int, str], set[str]] = defaultdict(set)
        for position, name in self._pairs():
            if name in STRING_FEATURES:
                values[position, name] = {_value(name, text) for text in texts[position]}
            elif name in TAG_FEATURES:
                values[position, name] = {_tag_value(name, tag) for tag in tags[position]}
            else:
                for length in lengths:
                    places = range(*self._reach(position, length))
                    edges = {(index == 0, index == length - 1) for index in places}
                    values[position, name] |= {_edge_value(name, *edge) for edge in edges}
        return {pair: found for pair, found in values.items() if found}

    def merge(self, total: Values, more: Values) -> Values:
        """All values of both."""
        for pair, found in more.items():
            total.setdefault(pair, set()).update(found)
        return total

    def continue_from(self, earlier: LexicalSyntacticFeaturizer) -> None:
        """Takes over the values. Rasa forgets them, and refuses data in which one is missing."""
        self._set_columns(earlier._columns)

    def fit(self, statistics: Iterable[Values]) -> None:
        """Numbers the values, old and new: pairs sorted, the values of a pair sorted."""
        values = reduce(
            self.merge, statistics, {pair: set(known) for pair, known in self._columns.items()}
        )
        self._set_columns({pair: sorted(values[pair]) for pair in sorted(values)})

    def token_rows(self, tokens: Sequence[str]) -> csr_matrix:
        """The columns of the window's own position that follow from the string."""
        rows = [dict.fromkeys(self._string_columns(self._own, text), 1.0) for text in tokens]
        return rows_of(rows, self.sequence_width)

    def place_columns(self, message: TokenizedMessage) -> list[tuple[int, ...]]:
        """The columns of the neighbours, of parts of speech, and of standing first or last."""
        tokens = message.tokens
        last = len(tokens) - 1
        found: list[list[int]] = [[] for _ in tokens]
        for position in range(len(self._window)):
            offset = position - self._own
            at_place = self._columns_at_place[position]
            for index in range(*self._reach(position, len(tokens))):
                columns = found[index - offset]
                columns += at_place[index == 0, index == last]
                if offset:
                    columns += self._string_columns(position, tokens[index].text)
                columns += self._tag_columns(position, tokens[index].tag)
        return [tuple(sorted(columns)) for columns in found]

    def column_keys(self) -> list[Hashable]:
        """Window position, feature name, value."""
        return [(*pair, value) for pair, values in self._columns.items() for value in values]

    def state(self) -> dict[str, Any]:
        """`[position, name, values]` in column order."""
        return {"values": [[*pair, list(values)] for pair, values in self._columns.items()]}

    @classmethod
    def restore(
        cls, options: Mapping[str, Any], state: Mapping[str, Any]
    ) -> LexicalSyntacticFeaturizer:
        """The fitted featurizer again."""
        featurizer = cls(options, tagged_words=True)
        featurizer._set_columns({(pair[0], pair[1]): values for *pair, values in state["values"]})
        return featurizer

    def __getstate__(self) -> dict[str, Any]:
        return {"options": self.options(), "state": self.state()}

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        self.__dict__.update(self.restore(pickled["options"], pickled["state"]).__dict__)

    def _set_columns(self, values: Mapping[tuple[int, str], Collection[str]]) -> None:
        width = 0
        self._columns = {}
        for pair, found in values.items():
            self._columns[pair] = {value: width + index for index, value in enumerate(found)}
            width += len(found)
        self.sequence_width = width
        self._string_columns = lru_cache(CACHED_TOKENS)(self._uncached_string_columns)
        self._tag_columns = lru_cache(CACHED_TOKENS)(self._uncached_tag_columns)
        edges = [(first, last) for first in (False, True) for last in (False, True)]
        self._columns_at_place = [
            {edge: self._edge_columns(position, edge) for edge in edges}
            for position in range(len(self._window))
        ]

    def _uncached_string_columns(self, position: int, text: str) -> tuple[int, ...]:
        """The columns of a window position that follow from the string of the token there."""
        names = [name for name in self._window[position] if name in STRING_FEATURES]
        return self._known(position, {name: _value(name, text) for name in names})

    def _uncached_tag_columns(self, position: int, tag: str | None) -> tuple[int, ...]:
        """The columns of a window position that follow from the part of speech there."""
        names = [name for name in self._window[position] if name in TAG_FEATURES]
        return self._known(position, {name: _tag_value(name, tag) for name in names})

    def _edge_columns(self, position: int, edge: tuple[bool, bool]) -> tuple[int, ...]:
        """The columns of a window position that tell whether its token is first, is last."""
        names = [name for name in self._window[position] if name in PLACE_FEATURES]
        return self._known(position, {name: _edge_value(name, *edge) for name in names})

    def _known(self, position: int, values: Mapping[str, str]) -> tuple[int, ...]:
        columns = [self._columns.get((position, n), {}).get(value) for n, value in values.items()]
        return tuple(column for column in columns if column is not None)

    def _pairs(self) -> list[tuple[int, str]]:
        return [(position, name) for position, names in enumerate(self._window) for name in names]

    def _reach(self, position: int, length: int) -> tuple[int, int]:
        """The range of token indices that stand at this window position of some token."""
        offset = position - self._own
        return min(max(0, offset), length), max(0, length + min(0, offset))


def _value(name: str, text: str) -> str:
    return str(STRING_FEATURES[name](text))


def _tag_value(name: str, tag: str | None) -> str:
    return str(TAG_FEATURES[name](tag))


def _edge_value(name: str, is_first: bool, is_last: bool) -> str:
    return str(is_first if name == "BOS" else is_last)


def _check_feature(name: str, tagged_words: bool) -> None:
    if name in TAG_FEATURES and not tagged_words:
        raise InputError(
            f"LexicalSyntacticFeaturizer: feature {name!r} needs spaCy's part-of-speech tags; "
            "use SpacyTokenizer, or remove it from 'features'"
        )
    known = [*STRING_FEATURES, *PLACE_FEATURES, *TAG_FEATURES]
    if name not in known:
        raise unknown_name("LexicalSyntacticFeaturizer: unknown feature", name, known)
